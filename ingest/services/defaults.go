package services

// Defaults are rules for the metrics that servers and libraries bring with them: OpenTelemetry's
// semantic conventions, as they are and as Prometheus writes them; the clients of Prometheus,
// Micrometer, gRPC; proxies in front of services; containers. A service is called as its sender
// calls it: service.name, else Prometheus's job.
func Defaults() []Rule {
	const (
		service = "{service_name|application|app|job}"
		// Codes for which the server is to blame.
		grpcNames   = "~Unknown|DeadlineExceeded|Unimplemented|Internal|Unavailable|DataLoss|UNKNOWN|DEADLINE_EXCEEDED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS"
		grpcNumbers = "~2|4|12|13|14|15"
		server      = "~5.."
	)
	rules := []Rule{
		// OpenTelemetry: HTTP, RPC, messaging.
		duration(service, "http.server.request.duration", "", "http.response.status_code", server),
		duration(service, "http_server_request_duration_seconds", "s", "http.response.status_code", server),
		duration(service, "http.server.duration", "", "http.status_code", server),
		duration(service, "http_server_duration_milliseconds", "ms", "http.status_code", server),
		duration(service, "rpc.server.call.duration", "", "rpc.response.status_code", grpcNames),
		duration(service, "rpc_server_call_duration_seconds", "s", "rpc.response.status_code", grpcNames),
		duration(service, "rpc.server.duration", "", "rpc.grpc.status_code", grpcNumbers),
		duration(service, "rpc_server_duration_milliseconds", "ms", "rpc.grpc.status_code", grpcNumbers),
		duration(service, "messaging.process.duration", "", "error.type", "!"),
		duration(service, "messaging_process_duration_seconds", "s", "error.type", "!"),

		// What Prometheus's clients and their middlewares call it.
		requests(service, "http_requests_total", "code|status|status_code", server),
		requests(service, "http_server_requests_total", "code|status|status_code", server),
		duration(service, "http_request_duration_seconds", "s", "code|status|status_code", server),
		duration(service, "http_server_requests_seconds", "s", "status", server), // Micrometer
		requests(service, "grpc_server_handled_total", "grpc_code", grpcNames),
		{Name: service, Match: Match{Metric: "grpc_server_handling_seconds"}, Signal: Duration},

		// Proxies, which name the service behind them.
		requests("{exported_service|service}", "traefik_service_requests_total", "code", server),
		duration("{exported_service|service}", "traefik_service_request_duration_seconds", "s", "code", server),
		requests("{exported_service|service|ingress}", "nginx_ingress_controller_requests", "status", server),
		duration("{exported_service|service|ingress}", "nginx_ingress_controller_request_duration_seconds", "s", "status", server),
		requests("{proxy}", "haproxy_backend_http_responses_total", "code", server),
		{Name: "{destination_service_name}", Match: Match{Metric: "istio_requests_total", Labels: map[string]string{"reporter": "destination"}}, Signal: Requests, Errors: map[string]string{"response_code": server}},
		{Name: "{destination_service_name}", Match: Match{Metric: "istio_request_duration_milliseconds", Labels: map[string]string{"reporter": "destination"}}, Signal: Duration, Unit: "ms", Errors: map[string]string{"response_code": server}},
	}

	// How full a service is: of its container's limits, of its pools.
	for _, metric := range []string{"k8s.container.cpu_limit_utilization", "k8s_container_cpu_limit_utilization", "k8s_container_cpu_limit_utilization_ratio"} {
		rules = append(rules, Rule{Name: "{service_name|k8s_container_name}", Match: Match{Metric: metric}, Signal: Saturation, Resource: "cpu"})
	}
	for _, metric := range []string{"k8s.container.memory_limit_utilization", "k8s_container_memory_limit_utilization", "k8s_container_memory_limit_utilization_ratio"} {
		rules = append(rules, Rule{Name: "{service_name|k8s_container_name}", Match: Match{Metric: metric}, Signal: Saturation, Resource: "memory"})
	}
	for _, metric := range []string{"jvm.cpu.recent_utilization", "jvm_cpu_recent_utilization_ratio"} {
		rules = append(rules, Rule{Name: service, Match: Match{Metric: metric}, Signal: Saturation, Resource: "cpu"})
	}
	container := []string{"namespace", "pod", "container"}
	real := map[string]string{"container": "!~|POD"}
	rules = append(rules,
		Rule{Name: "{container}", Match: Match{"container_cpu_usage_seconds_total", real}, Signal: Saturation, As: Used, Resource: "cpu", Per: container},
		Rule{Name: "{container}", Match: Match{"container_memory_working_set_bytes", real}, Signal: Saturation, As: Used, Resource: "memory", Per: container},
		Rule{Name: "{container}", Match: Match{"kube_pod_container_resource_limits", map[string]string{"resource": "cpu"}}, Signal: Saturation, As: Limit, Resource: "cpu", Per: container},
		Rule{Name: "{container}", Match: Match{"kube_pod_container_resource_limits", map[string]string{"resource": "memory"}}, Signal: Saturation, As: Limit, Resource: "memory", Per: container},
	)
	for _, pool := range []struct {
		used, limit, label string
		match              map[string]string
	}{
		{"db.client.connection.count", "db.client.connection.max", "db.client.connection.pool.name", map[string]string{"db.client.connection.state": "used"}},
		{"db_client_connection_count", "db_client_connection_max", "db.client.connection.pool.name", map[string]string{"db.client.connection.state": "used"}},
		{"hikaricp_connections_active", "hikaricp_connections_max", "pool", nil},
	} {
		per := []string{"job", "instance", "service.name", "service.instance.id", pool.label}
		rules = append(rules,
			Rule{Name: service, Match: Match{pool.used, pool.match}, Signal: Saturation, As: Used, Resource: "connections", Per: per},
			Rule{Name: service, Match: Match{Metric: pool.limit}, Signal: Saturation, As: Limit, Resource: "connections", Per: per})
	}
	return rules
}

func duration(service, metric, unit, label, errors string) Rule {
	return Rule{Name: service, Match: Match{Metric: metric}, Signal: Duration, Unit: unit, Errors: map[string]string{label: errors}}
}

func requests(service, metric, label, errors string) Rule {
	return Rule{Name: service, Match: Match{Metric: metric}, Signal: Requests, Errors: map[string]string{label: errors}}
}
