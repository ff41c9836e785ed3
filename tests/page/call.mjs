// Calls functions of the page's modules with values from standard input, and writes what they return to standard output.
//
// The input is {"calls": [[module, function, values], ...]}. An array {"array": type, "base64": bytes} is a typed array.

import { readFileSync } from "node:fs";

const revive = (_, value) =>
  value?.array ? new globalThis[value.array](new Uint8Array(Buffer.from(value.base64, "base64")).buffer) : value;
const plain = (_, value) =>
  ArrayBuffer.isView(value) ? [...value] : Object.is(value, -0) ? 0 : value;

const { calls } = JSON.parse(readFileSync(0, "utf8"), revive);
const answers = [];
for (const [module, name, values] of calls) answers.push((await import(module))[name](...values));
process.stdout.write(JSON.stringify(answers, plain));
