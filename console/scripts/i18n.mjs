// Fails when a text of the console is missing, unused, unequal in its placeholders, or written
// in the code. tools/check_i18n.py keeps the same rules, read from the same i18n.rules.json.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { dirname, join, relative } from "node:path";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const rules = JSON.parse(readFileSync(join(root, "i18n.rules.json"), "utf8"));
const plural = new RegExp(rules.plural);
const problems = [];

function flatten(tree, prefix = "", out = new Map()) {
  for (const [name, value] of Object.entries(tree)) {
    const key = prefix ? `${prefix}.${name}` : name;
    if (typeof value === "string") out.set(key, value);
    else flatten(value, key, out);
  }
  return out;
}

const texts = new Map(
  rules.languages.map((lang) => [
    lang,
    flatten(JSON.parse(readFileSync(join(root, rules.folder, `${lang}.json`), "utf8"))),
  ]),
);
const stem = (key) => key.replace(plural, "");
const stems = new Map([...texts].map(([lang, table]) => [lang, new Set([...table.keys()].map(stem))]));

const sections = new Set([...stems.values()].flatMap((set) => [...set].map((key) => key.split(".")[0])));

function* walk(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else if (rules.extensions.some((ext) => entry.name.endsWith(ext))) yield path;
  }
}

const used = new Set();
const families = new Set();
const lineOf = (text, index) => text.slice(0, index).split("\n").length;

for (const folder of rules.sources)
  for (const path of walk(join(root, folder))) {
    const name = relative(root, path).replaceAll("\\", "/");
    if (rules.generated.includes(name)) continue;
    const text = readFileSync(path, "utf8");
    for (const pattern of rules.key_uses)
      for (const match of text.matchAll(new RegExp(pattern, "g"))) {
        used.add(match[1]);
        for (const lang of rules.languages)
          if (!stems.get(lang).has(match[1]))
            problems.push(`${name}:${lineOf(text, match.index)} key "${match[1]}" is missing in ${lang}.json`);
      }
    for (const pattern of rules.family_uses)
      for (const match of text.matchAll(new RegExp(pattern, "g"))) {
        const family = match[1].endsWith(".") ? match[1] : `${match[1]}.`;
        families.add(family);
        for (const lang of rules.languages)
          if (![...stems.get(lang)].some((key) => key.startsWith(family)))
            problems.push(`${name}:${lineOf(text, match.index)} no key begins with "${family}" in ${lang}.json`);
      }
    // A dotted word of a known section is a key, or the family that a word of the service completes.
    for (const match of text.matchAll(new RegExp(rules.dotted, "g"))) {
      const word = match[1];
      if (!sections.has(word.split(".")[0])) continue;
      const has = (lang, test) => [...stems.get(lang)].some(test);
      if (rules.languages.some((lang) => has(lang, (key) => key === word))) used.add(word);
      else if (rules.languages.some((lang) => has(lang, (key) => key.startsWith(`${word}.`)))) families.add(`${word}.`);
      else problems.push(`${name}:${lineOf(text, match.index)} key "${word}" is in no language`);
    }
    const cjk = text.match(new RegExp(rules.cjk));
    if (cjk) problems.push(`${name}:${lineOf(text, cjk.index)} Chinese text belongs in ${rules.folder}`);
    for (const pattern of rules.bare_text)
      for (const match of text.matchAll(new RegExp(pattern, "g")))
        problems.push(`${name}:${lineOf(text, match.index)} text in the code: ${match[0].trim().slice(0, 60)}`);
  }

const everyStem = new Set([...stems.values()].flatMap((set) => [...set]));
for (const key of [...everyStem].sort()) {
  for (const lang of rules.languages) {
    const table = texts.get(lang);
    if (!stems.get(lang).has(key)) {
      problems.push(`${lang}.json lacks "${key}"`);
      continue;
    }
    if (!table.has(key))
      for (const form of rules.plural_forms[lang])
        if (!table.has(`${key}_${form}`)) problems.push(`${lang}.json lacks "${key}_${form}"`);
  }
  if (!used.has(key) && ![...families].some((family) => key.startsWith(family)))
    problems.push(`"${key}" is used nowhere`);
  const places = rules.languages.map((lang) => placeholders(texts.get(lang), key));
  if (new Set(places).size > 1) problems.push(`"${key}" has different placeholders: ${places.join(" / ")}`);
}

function placeholders(table, key) {
  const text = table.get(key) ?? table.get(`${key}_other`) ?? "";
  const found = [...text.matchAll(new RegExp(rules.placeholder, "g"))].map((m) => m[1] ?? m[2]);
  return [...new Set(found)].sort().join(",");
}

if (problems.length) {
  console.error([...new Set(problems)].join("\n"));
  console.error(`${new Set(problems).size} problems in the texts of the console`);
  process.exit(1);
}
console.log(`${everyStem.size} texts in ${rules.languages.join(" and ")}: complete`);
