// Writes src/api/schema.ts from openapi.json. With --check it writes nothing and fails when
// the stored file is out of date. Needs Node alone.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const source = join(root, "openapi.json");
const target = join(root, "src/api/schema.ts");

const identifier = (name) => name.replace(/[^A-Za-z0-9_]/g, "_");
const quote = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));
const refName = (ref) => identifier(decodeURIComponent(ref.split("/").at(-1)));

function typeOf(schema, indent = "") {
  if (schema === undefined || schema === true) return "unknown";
  if (schema === false) return "never";
  if (schema.$ref) return refName(schema.$ref);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((v) => JSON.stringify(v)).join(" | ");
  const union = schema.anyOf ?? schema.oneOf;
  if (union) return [...new Set(union.map((s) => typeOf(s, indent)))].join(" | ");
  if (schema.allOf) return schema.allOf.map((s) => typeOf(s, indent)).join(" & ");
  const kinds = Array.isArray(schema.type) ? schema.type : [schema.type];
  return kinds.map((kind) => simple(kind, schema, indent)).join(" | ");
}

function simple(kind, schema, indent) {
  switch (kind) {
    case "string":
      return "string";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "null":
      return "null";
    case "array":
      if (schema.prefixItems) return `[${schema.prefixItems.map((s) => typeOf(s, indent)).join(", ")}]`;
      return `Array<${typeOf(schema.items, indent)}>`;
    case "object":
      if (schema.properties) return object(schema, indent);
      return `Record<string, ${typeOf(schema.additionalProperties, indent)}>`;
    default:
      return schema.properties ? object(schema, indent) : "unknown";
  }
}

const comment = (text, indent) =>
  text ? `${indent}/** ${text.trim().split("\n")[0].replaceAll("*/", "* /")} */\n` : "";

// A response always carries a field that has a default, so the console reads it as present.
function object(schema, indent, always = false) {
  const inner = `${indent}  `;
  const required = new Set(schema.required ?? []);
  const lines = Object.entries(schema.properties).map(([name, property]) => {
    const present = required.has(name) || (always && property.default !== undefined);
    return `${comment(property.description, inner)}${inner}${quote(name)}${present ? "" : "?"}: ${typeOf(property, inner)};`;
  });
  if (schema.additionalProperties && schema.additionalProperties !== true)
    lines.push(`${inner}[key: string]: unknown;`);
  return `{\n${lines.join("\n")}\n${indent}}`;
}

function operation(method, path, item, spec) {
  const parameters = [...(item.shared ?? []), ...(spec.parameters ?? [])];
  const group = (place) => {
    const properties = Object.fromEntries(
      parameters.filter((p) => p.in === place).map((p) => [p.name, { ...p.schema, description: p.description }]),
    );
    const required = parameters.filter((p) => p.in === place && p.required).map((p) => p.name);
    return Object.keys(properties).length ? object({ properties, required }, "    ") : null;
  };
  const body = spec.requestBody?.content?.["application/json"]?.schema;
  const good = Object.entries(spec.responses ?? {}).find(([status]) => status.startsWith("2"));
  const answer = good?.[1]?.content?.["application/json"]?.schema;
  const parts = [];
  const pathType = group("path");
  const queryType = group("query");
  if (pathType) parts.push(`    path: ${pathType};`);
  if (queryType) parts.push(`    query: ${queryType};`);
  if (body) parts.push(`    body: ${typeOf(body, "    ")};`);
  parts.push(`    response: ${answer ? typeOf(answer, "    ") : "unknown"};`);
  return `${comment(spec.summary, "  ")}  ${JSON.stringify(`${method.toUpperCase()} ${path}`)}: {\n${parts.join("\n")}\n  };`;
}

function generate(document) {
  const schemas = Object.entries(document.components?.schemas ?? {}).map(([name, schema]) => {
    const body = schema.properties && !schema.anyOf && !schema.oneOf ? object(schema, "", true) : typeOf(schema);
    return `${comment(schema.description, "")}export type ${identifier(name)} = ${body};`;
  });
  const operations = [];
  for (const [path, item] of Object.entries(document.paths ?? {}))
    for (const method of ["get", "post", "put", "patch", "delete"])
      if (item[method]) operations.push(operation(method, path, { shared: item.parameters }, item[method]));
  return [
    "// Generated from openapi.json by `npm run schema`. Do not edit.",
    ...schemas,
    `export type Operations = {\n${operations.join("\n")}\n};`,
    "",
  ].join("\n\n");
}

const text = generate(JSON.parse(readFileSync(source, "utf8")));
if (process.argv.includes("--check")) {
  let stored = "";
  try {
    stored = readFileSync(target, "utf8");
  } catch {
    stored = "";
  }
  if (stored !== text) {
    console.error("src/api/schema.ts does not match openapi.json: run `npm run schema` and commit the result.");
    process.exit(1);
  }
} else {
  writeFileSync(target, text);
  console.log(`wrote ${target}`);
}
