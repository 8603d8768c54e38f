package alert

import "slices"

// own are the rules about the server itself. No workspace is told of them: they
// are for whoever runs it, and hold when it cannot speak.
func own() []watched { return slices.Concat(ownAnswers(), ownJobs(), ownLosses()) }

func says(what, do string) map[string]string {
	return map[string]string{"summary": what, "description": do}
}

func asks(severity string) map[string]string { return map[string]string{"severity": severity} }

// ownAnswers are about whether it answers, and how.
func ownAnswers() []watched {
	return []watched{
		{
			Alert: "FichaDown", For: "1m", Labels: asks(Page), Expr: `up{job="ficha"} == 0`,
			Annotations: says("{{ $labels.instance }} does not answer.", "Look at the process and at the last lines of its log."),
		},
		{
			Alert: "FichaDatabaseUnreachable", For: "1m", Labels: asks(Page),
			Expr: `sum by (instance) (increase(ficha_refusals_total{code="temporarily_unavailable"}[5m])) >= 10` +
				"\nor " + `sum by (instance) (increase(ficha_job_failures_total{name="skew"}[5m])) >= 6`,
			Annotations: says("{{ $labels.instance }} does not reach its database and answers 503.", "Look at the database, not at Ficha: when it is back, so is Ficha."),
		},
		{
			Alert: "FichaFeedLags", For: "1m", Labels: asks(Page), Expr: `ficha_feed_lag_seconds > 5`,
			Annotations: says("{{ $labels.instance }} has not heard of changes for {{ $value | humanizeDuration }}.",
				"It asks the database before each answer. Look at the database's load, and whether it is the one that was there before."),
		},
		{
			Alert: "FichaFaults", For: "2m", Labels: asks(Page),
			Expr: `sum by (instance) (increase(ficha_http_request_duration_seconds_count{code="5xx"}[5m]))` +
				"\n  / " + `sum by (instance) (increase(ficha_http_request_duration_seconds_count[5m])) > 0.01` +
				"\nand " + `sum by (instance) (increase(ficha_http_request_duration_seconds_count{code="5xx"}[5m])) >= 5`,
			Annotations: says("{{ $value | humanizePercentage }} of the answers of {{ $labels.instance }} are faults.", "The log has the whole chain of each under fault."),
		},
		{
			Alert: "FichaPanics", Labels: asks(Ticket), Expr: `increase(ficha_panics_total[15m]) > 0`,
			Annotations: says("A request on {{ $labels.instance }} ended in a panic.", "It is a bug: report the stack in the log."),
		},
	}
}

// ownJobs are about what it does by itself, and its clock.
func ownJobs() []watched {
	return []watched{
		{
			Alert: "FichaJobOverdue", For: "5m", Labels: asks(Ticket),
			Expr:        `time() - max by (name) (ficha_job_last_run_timestamp_seconds) > 300 + 3 * max by (name) (ficha_job_period_seconds)`,
			Annotations: says("No node has done the job {{ $labels.name }} for {{ $value | humanizeDuration }}.", "See the log for what it waits for."),
		},
		{
			Alert: "FichaJobFails", Labels: asks(Ticket), Expr: `sum by (name) (increase(ficha_job_failures_total{name!="keys"}[15m])) >= 3`,
			Annotations: says("The job {{ $labels.name }} fails again and again.", "The log has the fault."),
		},
		{
			Alert: "FichaKeysStuck", Labels: asks(Page), Expr: `sum by (instance) (increase(ficha_job_failures_total{name="keys"}[15m])) >= 10`,
			Annotations: says("{{ $labels.instance }} can neither turn nor load the signing keys.", "Look at the database, and whether the master key is the right one."),
		},
		{
			Alert: "FichaClockSkew", For: "5m", Labels: asks(Ticket), Expr: `abs(ficha_clock_skew_seconds) > 0.5`,
			Annotations: says("The clock of {{ $labels.instance }} is {{ $value | humanizeDuration }} from the database's; at 5 s it answers 503.", "Look after its time service."),
		},
		{
			Alert: "FichaWorkspaceAlerts", Labels: asks(Ticket), Expr: `max by (class) (ficha_alerts_firing) > 0`,
			Annotations: says("{{ $value }} alerts of workspaces on {{ $labels.class }} traffic are firing.", "Their people were told; GET /v1/alerts has what was measured."),
		},
	}
}

// ownLosses are about what it could not keep or bring to others.
func ownLosses() []watched {
	return []watched{
		{
			Alert: "FichaTrafficLost", Labels: asks(Ticket), Expr: `increase(ficha_traffic_lost_total[15m]) > 0`,
			Annotations: says("{{ $labels.instance }} had no room to count some of the traffic.", "Give the proxy fewer names of routes."),
		},
		{
			Alert: "FichaRowsLost", Labels: asks(Ticket), Expr: `sum by (instance, of) (increase(ficha_rows_lost_total[15m])) > 0`,
			Annotations: says("{{ $labels.instance }} had no room for some of the {{ $labels.of }}.", "The database did not take them in time: look at its load."),
		},
		{
			Alert: "FichaAuditSinkLags", For: "5m", Labels: asks(Page), Expr: `max by (sink) (ficha_audit_sink_lag_seconds) > 300`,
			Annotations: says("The sink {{ $labels.sink }} has waited {{ $value | humanizeDuration }} for records of the audit.",
				"Nothing is lost yet: see the log for why it does not take them."),
		},
		{
			Alert: "FichaAuditSinkLost", Labels: asks(Page), Expr: `max by (sink) (ficha_audit_sink_lost_records) > 0`,
			Annotations: says("{{ $value }} records were purged before the sink {{ $labels.sink }} had them.", "It was away for longer than records are kept: bring what is left from a backup."),
		},
		{
			Alert: "FichaDeliveriesDie", Labels: asks(Ticket), Expr: `sum by (instance) (increase(ficha_webhook_deliveries_total{outcome="dead"}[1h])) > 0`,
			Annotations: says("{{ $labels.instance }} gave up deliveries to subscribers.", "They are listed, and may be sent again, for 30 days: ficha webhook deliveries."),
		},
		{
			Alert: "FichaLettersDie", Labels: asks(Ticket), Expr: `increase(ficha_letters_total{outcome="dead"}[1h]) > 0`,
			Annotations: says("{{ $labels.instance }} gave up letters.", "The log says why; look at the mail server that FICHA_SMTP_URL names."),
		},
	}
}
