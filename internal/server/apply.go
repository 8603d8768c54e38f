package server

import (
	"context"
	"fmt"

	"github.com/fichadev/ficha/internal/resources"
	"github.com/fichadev/ficha/internal/token"
)

// Apply brings the server to what a resources file declares, as the system
// actor apply; restore brings back what people ended. It reads variables and
// files through Config. name is the file's path, for messages and for file:
// values. What Apply reports holds no secret.
func (s *Server) Apply(ctx context.Context, name string, text []byte, restore bool) (resources.Report, error) {
	who := token.Actor{Kind: token.System, ID: "apply", Name: "apply"}
	return s.ApplyFile(ctx, who, resources.Source{Name: name, Text: text, Env: s.Config.Env, ReadFile: s.Config.ReadFile}, resources.Options{Restore: restore})
}

// ApplyFile is Apply for an actor and with every option. It takes the server
// itself, or a super admin of every workspace; others are Forbidden. A source
// that came over the network has no Env and no ReadFile but what was sent along.
func (s *Server) ApplyFile(ctx context.Context, who token.Actor, from resources.Source, o resources.Options) (resources.Report, error) {
	founder := ""
	if who.Kind == token.User {
		founder = who.ID // of new workspaces: or they could not apply again
	}
	who, err := s.Authority.Operator(ctx, who)
	if err != nil {
		return resources.Report{}, err
	}
	file, warnings, err := resources.Parse(from.Name, from.Text, from.Env, from.ReadFile)
	if err != nil {
		return resources.Report{Warnings: warnings}, err
	}
	if err := s.sameEnvironment(from.Name, file.Environment); err != nil {
		return resources.Report{Warnings: warnings}, err
	}
	report, err := resources.Apply(ctx, holder{s, founder}, who, from.Name, file, o)
	report.Warnings = append(warnings, report.Warnings...)
	return report, err
}

// sameEnvironment refuses a file of another environment: the prefix of every
// secret is made of it, so a database keeps the one that it began with.
func (s *Server) sameEnvironment(name, declared string) error {
	if declared == "" || declared == s.Config.Environment {
		return nil
	}
	return resources.Problems{{File: name, Path: "environment", Text: fmt.Sprintf(
		"is %s, and this server began as %s; remove it, or apply the file to a new server that is started with FICHA_ENVIRONMENT=%s",
		declared, s.Config.Environment, declared)}}
}
