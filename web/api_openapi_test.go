package web

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"vigie/internal/match"
)

// The description that is served is made of the types of the answers, so that it cannot say anything else.
func TestOpenAPIIsMadeOfTheTypes(t *testing.T) {
	want, err := json.MarshalIndent(describeAPI(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *update {
		if err := os.WriteFile("openapi.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(openAPI, want) {
		t.Error("openapi.json is not what the types say: run go test ./web -run OpenAPI -update, then look at what changed")
	}
}

type jsonObject = map[string]any

func describeAPI() jsonObject {
	schemas := jsonObject{}
	ref := func(v any) jsonObject { return schemaOf(reflect.TypeOf(v), schemas) }
	problem := jsonObject{"description": "What is wrong, as RFC 9457 has it.", "content": jsonObject{"application/problem+json": jsonObject{"schema": ref(apiProblem{})}}}
	headers := jsonObject{
		"ETag":          jsonObject{"description": "Another whenever the answer is another: send it back as If-None-Match.", "schema": jsonObject{"type": "string"}},
		"Cache-Control": jsonObject{"schema": jsonObject{"type": "string"}},
	}
	answer := func(description, kind string, schema jsonObject) jsonObject {
		return jsonObject{"description": description, "headers": headers, "content": jsonObject{kind: jsonObject{"schema": schema}}}
	}
	get := func(id, summary string, ok jsonObject, problems []int, parameters ...any) jsonObject {
		responses := jsonObject{"200": ok, "304": jsonObject{"description": "It is what If-None-Match names."}}
		for _, status := range append([]int{400, 401, 403, 429, 500}, problems...) {
			responses[strconv.Itoa(status)] = jsonObject{"$ref": "#/components/responses/Problem"}
		}
		operation := jsonObject{"operationId": id, "summary": summary, "responses": responses}
		if len(parameters) > 0 {
			operation["parameters"] = parameters
		}
		return jsonObject{"get": operation}
	}
	parameter := func(name, in, description string, schema jsonObject) jsonObject {
		return jsonObject{"name": name, "in": in, "required": in == "path", "description": description, "schema": schema}
	}
	words := func(of []string) jsonObject { return jsonObject{"type": "string", "enum": of} }
	short := jsonObject{"type": "string", "maxLength": maxSightText}
	moment := jsonObject{"type": "string", "format": "date-time"}
	phases := []string{}
	for _, p := range match.Phases() {
		phases = append(phases, string(p))
	}
	parameters, sight := jsonObject{}, []any{}
	for _, p := range []jsonObject{
		parameter("cdn", "query", "Narrow to a CDN, by its id.", short),
		parameter("isp", "query", "Narrow to a network, by its name.", short),
		parameter("channel", "query", "Narrow to a channel.", short),
		parameter("device", "query", "Narrow to a kind of device, which players tell and CDNs' logs do not.", short),
		parameter("vs", "query", "Compare with everything.", words([]string{"all"})),
		parameter("vs_cdn", "query", "Compare with this CDN.", short),
		parameter("vs_isp", "query", "Compare with this network.", short),
		parameter("vs_channel", "query", "Compare with this channel.", short),
		parameter("vs_device", "query", "Compare with this kind of device.", short),
		parameter("from", "query", "Look at a stretch of the past, in steps of ten seconds, eight hours at most; with to.", moment),
		parameter("to", "query", "Its end, exclusive.", moment),
		parameter("earlier", "query", "Id of the match to compare with, or none.", short),
		parameter("align", "query", "The phase at whose beginning both clocks meet.", words(phases)),
	} {
		parameters[p["name"].(string)] = p
		sight = append(sight, jsonObject{"$ref": "#/components/parameters/" + p["name"].(string)})
	}
	const asJSON = "application/json"
	exported := parameter("panel", "path", "A chart or a table.", words(exportNames()))
	return jsonObject{
		"openapi": "3.1.0",
		"info": jsonObject{
			"title": "Vigie", "version": "1",
			"description": "The board as programs read it. What is not known is null, never zero. Times are RFC 3339 in UTC, units are in the names. " +
				"At most 10 requests a second after the first 20, per token or person; unknown parameters are refused.",
		},
		"security": []any{jsonObject{"token": []any{}}, jsonObject{"session": []any{}}},
		"paths": jsonObject{
			"/api/v1/":             get("index", "What there is", answer("Addresses.", asJSON, ref(apiIndex{})), nil),
			"/api/v1/openapi.json": get("openapi", "This description", answer("OpenAPI 3.1.", asJSON, jsonObject{"type": "object"}), nil),
			"/api/v1/board":        get("board", "Everything on the board", answer("The board of now.", asJSON, ref(apiBoard{})), []int{404, 503}, sight...),
			"/api/v1/board/{panel}": get("panel", "One panel of the board", answer("The board with that panel alone.", asJSON, ref(apiBoard{})), []int{404, 503},
				append([]any{parameter("panel", "path", "Its name.", words(apiPanelNames()))}, sight...)...),
			"/api/v1/alerts":  get("alerts", "Alerts, open and closed", answer("What is known of alerts.", asJSON, ref(apiAlerts{})), []int{404}),
			"/api/v1/matches": get("matches", "The calendar of matches", answer("All matches.", asJSON, ref(apiMatches{})), []int{404}),
			"/api/v1/matches/{id}": get("match", "One match with all that is known of it", answer("The match.", asJSON, ref(apiMatch{})), []int{404},
				parameter("id", "path", "Of the match's file.", short)),
			"/api/v1/contacts": jsonObject{"post": jsonObject{
				"operationId": "contacts", "summary": "Bring contacts", "security": []any{jsonObject{"contacts": []any{}}},
				"description": "The contacts whom crisis messages can reach, a line each: id, email, phone, lang, email_agree, sms_agree, and attributes. What is brought is used when the whole body was read, or nothing of it is. " +
					"A line is the whole contact: what it does not say is not known, and agreements that it does not say are none. It takes a token of the kind contacts, which can do nothing else.",
				"parameters": []any{
					parameter("replace", "query", "All contacts are those of this body; without it they are added and changed.", words([]string{"1"})),
					parameter("dry", "query", "Compared and counted, and not used.", words([]string{"1"})),
					parameter("days", "query", "How long they are kept unless they are brought again.", jsonObject{"type": "integer", "minimum": 1, "maximum": 3650}),
					parameter("name", "query", "What people call it in the list of imports.", jsonObject{"type": "string", "maxLength": 200}),
				},
				"requestBody": jsonObject{"required": true, "content": jsonObject{
					"text/csv":             jsonObject{"schema": jsonObject{"type": "string"}},
					"application/x-ndjson": jsonObject{"schema": jsonObject{"type": "string", "description": "A JSON object a line."}},
				}},
				"responses": jsonObject{
					"200": jsonObject{"description": "What came of it.", "content": jsonObject{asJSON: jsonObject{"schema": ref(apiImport{})}}},
					"400": jsonObject{"$ref": "#/components/responses/Problem"}, "401": jsonObject{"$ref": "#/components/responses/Problem"}, "413": jsonObject{"$ref": "#/components/responses/Problem"},
					"415": jsonObject{"$ref": "#/components/responses/Problem"}, "422": jsonObject{"$ref": "#/components/responses/Problem"}, "429": jsonObject{"$ref": "#/components/responses/Problem"},
					"503": jsonObject{"$ref": "#/components/responses/Problem"},
				},
			}},
			"/export/{panel}.csv": get("export", "A chart or a table as CSV", answer("The first row has names with units.", "text/csv", jsonObject{"type": "string"}), []int{404, 503},
				append([]any{exported}, sight...)...),
			"/signals": jsonObject{"get": jsonObject{
				"operationId": "signals", "summary": "The board's signals for Prometheus",
				"responses": jsonObject{
					"200": jsonObject{"description": "Prometheus text format, or OpenMetrics when that is asked for.", "content": jsonObject{
						"text/plain": jsonObject{"schema": jsonObject{"type": "string"}}, "application/openmetrics-text": jsonObject{"schema": jsonObject{"type": "string"}},
					}},
					"400": jsonObject{"$ref": "#/components/responses/Problem"}, "401": jsonObject{"$ref": "#/components/responses/Problem"},
					"403": jsonObject{"$ref": "#/components/responses/Problem"}, "429": jsonObject{"$ref": "#/components/responses/Problem"}, "503": jsonObject{"$ref": "#/components/responses/Problem"},
				},
			}},
		},
		"components": jsonObject{
			"schemas": schemas, "parameters": parameters, "responses": jsonObject{"Problem": problem},
			"securitySchemes": jsonObject{
				"token":    jsonObject{"type": "http", "scheme": "bearer", "description": "A token for the API, made by an administrator."},
				"contacts": jsonObject{"type": "http", "scheme": "bearer", "description": "A token for contacts, made by an administrator: it brings contacts, and can do nothing else."},
				"session":  jsonObject{"type": "apiKey", "in": "cookie", "name": "vigie_session", "description": "A person who is signed in."},
			},
		},
	}
}

// schemaOf describes a type as encoding/json writes it; structs go to schemas, by name.
func schemaOf(t reflect.Type, schemas jsonObject) jsonObject {
	switch t {
	case reflect.TypeFor[jsonNumber]():
		return jsonObject{"type": []string{"number", "null"}}
	case reflect.TypeFor[jsonText]():
		return jsonObject{"type": []string{"string", "null"}}
	case reflect.TypeFor[jsonTime]():
		return jsonObject{"type": []string{"string", "null"}, "format": "date-time"}
	case reflect.TypeFor[apiHealth]():
		return jsonObject{"type": "string", "enum": apiHealths}
	}
	switch t.Kind() {
	case reflect.String:
		return jsonObject{"type": "string"}
	case reflect.Bool:
		return jsonObject{"type": "boolean"}
	case reflect.Int, reflect.Uint64:
		return jsonObject{"type": "integer"}
	case reflect.Float64:
		return jsonObject{"type": "number"}
	case reflect.Slice:
		return jsonObject{"type": "array", "items": schemaOf(t.Elem(), schemas)}
	case reflect.Pointer:
		return jsonObject{"anyOf": []any{schemaOf(t.Elem(), schemas), jsonObject{"type": "null"}}}
	case reflect.Struct:
		name := strings.TrimPrefix(t.Name(), "api")
		if _, known := schemas[name]; !known {
			schemas[name] = nil // of a type within itself
			properties, required := jsonObject{}, []string{}
			describeFields(t, schemas, properties, &required)
			schemas[name] = jsonObject{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
		}
		return jsonObject{"$ref": "#/components/schemas/" + name}
	}
	panic("no schema of " + t.String())
}

func describeFields(t reflect.Type, schemas, properties jsonObject, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			describeFields(f.Type, schemas, properties, required)
			continue
		}
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			panic(t.String() + "." + f.Name + " has no name in JSON")
		}
		of := f.Type
		if option == "omitempty" {
			of = of.Elem()
		} else {
			*required = append(*required, name)
		}
		schema := schemaOf(of, schemas)
		if doc := f.Tag.Get("doc"); doc != "" {
			schema["description"] = doc
		}
		if values := f.Tag.Get("enum"); values != "" {
			schema["enum"] = strings.Split(values, ",")
		}
		properties[name] = schema
	}
}
