#!/usr/bin/env node
// Reads what `cargo bench -p roomcast-benches --bench engine` left in target/criterion, and prints it as a Markdown
// table: nanoseconds for each member or membership, and how many times roomcast is faster than the best rival.
//   benches/engine-table.mjs [FILE.csv]      writes the figures to FILE.csv too, with their confidence intervals
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SYSTEMS = ["rwlock", "dashmap", "socketioxide", "roomcast"];
const GROUPS = [
  "join", "leave", "select", "enqueue", "union_less_one", "bulk_add", "bulk_remove", "leave_all", "disconnect",
];
const root = fileURLToPath(new URL("../target/criterion", import.meta.url));

/** Median nanoseconds an element, with the ends of its confidence interval. */
function figure(folder) {
  const json = (name) => JSON.parse(readFileSync(join(folder, "new", name), "utf8"));
  const { median } = json("estimates.json");
  const elements = json("benchmark.json").throughput.Elements;
  const { lower_bound: low, upper_bound: high } = median.confidence_interval;
  return { ns: median.point_estimate / elements, low: low / elements, high: high / elements };
}

/** Rows of a group: one for each size, or one without. */
function rows(group) {
  const sizes = existsSync(join(root, group, "roomcast", "new"))
    ? [""]
    : readdirSync(join(root, group, "roomcast")).filter((size) => /^\d+$/.test(size)).sort((a, b) => a - b);
  return sizes.map((size) => ({
    group,
    size,
    figures: SYSTEMS.map((system) => figure(join(root, group, system, size))),
  }));
}

const short = (ns) => (ns >= 100 ? ns.toFixed(0) : ns >= 10 ? ns.toFixed(1) : ns.toFixed(2));
const all = GROUPS.flatMap(rows);
const date = new Date().toISOString().slice(0, 16).replace("T", " ");
const conditions = `${date} UTC; ${cpus()[0].model}, ${cpus().length} cores; Linux ${release()}; ns for each`;

console.log(`${conditions}\n`);
console.log(`| group | ${SYSTEMS.join(" | ")} | best rival / roomcast |`);
console.log(`|---|${"---:|".repeat(SYSTEMS.length + 1)}`);
for (const { group, size, figures } of all) {
  const rivals = figures.slice(0, -1).map(({ ns }) => ns);
  const ratio = Math.min(...rivals) / figures.at(-1).ns;
  const cells = figures.map(({ ns }) => short(ns));
  console.log(`| ${group}${size && ` ${Number(size).toLocaleString("en")}`} | ${cells.join(" | ")} | ${ratio.toFixed(2)} |`);
}

const csv = process.argv[2];
if (csv) {
  const lines = all.flatMap(({ group, size, figures }) =>
    figures.map(({ ns, low, high }, at) => [group, size, SYSTEMS[at], ns, low, high].join(",")));
  writeFileSync(csv, `# ${conditions}\ngroup,size,system,ns,low,high\n${lines.join("\n")}\n`);
}
