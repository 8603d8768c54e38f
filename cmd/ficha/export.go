package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
)

// tokenFilter narrows an inventory.
type tokenFilter struct {
	Status        string `enum:",active,pending,retiring,suspended,waiting,retired,expired,revoked,live" default:"" help:"Only active, pending, retiring, suspended, waiting, retired, expired or revoked ones; or live, all that opens or may open something." placeholder:"STATUS"`
	Type          string `help:"Only these kinds, with commas: access, refresh, service, ephemeral, impersonated, personal, client_secret, client_token, webhook_secret." placeholder:"KINDS"`
	Contract      string `help:"Only those that one contract issued." placeholder:"NAME"`
	Client        string `help:"Only those of a client." placeholder:"ID"`
	User          string `help:"Only those of a member, by e-mail or id." placeholder:"USER"`
	Owner         string `help:"Only those that somebody answers for." placeholder:"WHO"`
	Scope         string `help:"Only those that hold a scope." placeholder:"SCOPE"`
	LastFour      string `help:"Only those whose secret ends so." placeholder:"XXXX"`
	IdleDays      string `help:"Only those that were neither used nor issued for so many days." placeholder:"N"`
	NeverUsed     bool   `help:"Only those that were never used."`
	Search        string `help:"Only those whose name or last four match." placeholder:"TEXT"`
	CreatedFrom   string `help:"Only those made at or after an instant, such as 2027-01-31T12:00:00Z." placeholder:"INSTANT"`
	CreatedBefore string `help:"Only those made before an instant." placeholder:"INSTANT"`
	ExpiresFrom   string `help:"Only those that expire at or after an instant." placeholder:"INSTANT"`
	ExpiresBefore string `help:"Only those that expire before an instant." placeholder:"INSTANT"`
	UsedFrom      string `help:"Only those last used at or after an instant." placeholder:"INSTANT"`
	UsedBefore    string `help:"Only those last used before an instant." placeholder:"INSTANT"`
}

func (f tokenFilter) query() url.Values {
	query := given("status", f.Status, "type", f.Type, "contract", f.Contract, "client", f.Client, "user", f.User, "owner", f.Owner, "scope", f.Scope,
		"last_four", f.LastFour, "idle_days", f.IdleDays, "q", f.Search, "created_from", f.CreatedFrom, "created_before", f.CreatedBefore,
		"expires_from", f.ExpiresFrom, "expires_before", f.ExpiresBefore, "used_from", f.UsedFrom, "used_before", f.UsedBefore)
	if f.NeverUsed {
		query.Set("never_used", "true")
	}
	return query
}

// An exporter is what every command has that exports an inventory.
type exporter struct {
	remote      `embed:""`
	tokenFilter `embed:""`
	Format      string `enum:"jsonl,csv" default:"jsonl" help:"jsonl or csv."`
	Output      string `short:"o" help:"File for it, written whole or not at all, readable by its owner alone; the standard output if not given." placeholder:"FILE"`
}

// tokenExport exports what "ficha token list" lists.
type tokenExport struct {
	exporter `embed:""`
}

// Run exports all of it.
func (c *tokenExport) Run(ctx context.Context) error { return c.export(ctx, "/v1/tokens/export") }

// tokenReport exports the inventory as an auditor reads it.
type tokenReport struct {
	exporter `embed:""`
}

// Run exports all of it.
func (c *tokenReport) Run(ctx context.Context) error { return c.export(ctx, "/v1/reports/tokens") }

func (e exporter) export(ctx context.Context, path string) error {
	query := e.query()
	query.Set("format", e.Format)
	if e.Output == "" {
		return e.parts(ctx, path, query, os.Stdout)
	}
	return replaceFile(e.Output, func(w io.Writer) error { return e.parts(ctx, path, query, w) })
}

// parts writes one export after the other until the last: each says in its
// trailer where the next begins.
func (e exporter) parts(ctx context.Context, path string, query url.Values, w io.Writer) error {
	for first := true; ; first = false {
		next, err := e.part(ctx, get(path, query), w, !first && e.Format == "csv")
		if err != nil || next == "" {
			return err
		}
		query.Set("cursor", next)
	}
}

// part writes one export, without its head where that stands there already. One
// that breaks off is an error.
func (e exporter) part(ctx context.Context, q request, w io.Writer, headless bool) (next string, err error) {
	req, err := e.request(ctx, q)
	if err != nil {
		return "", err
	}
	answer, err := answerTo(req)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body := bufio.NewReader(answer.Body)
	if answer.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(body, mostRead))
		return "", errors.Join(err, refusal(answer, text))
	}
	if headless {
		if _, err := body.ReadString('\n'); err != nil {
			return "", fmt.Errorf("read the export: %w", err)
		}
	}
	if _, err := io.Copy(w, body); err != nil {
		return "", fmt.Errorf("read the export: %w", err)
	}
	return answer.Trailer.Get("X-Next-Cursor"), nil
}
