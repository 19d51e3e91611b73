// The component in npm's jco: node.mjs COMPONENT STEPS ORIGIN. The token is in MILVUS_TOKEN.
//
// A step is a line: a tool and its arguments. Prints the names of the tools, then the answer to each step. jco makes a
// module of the component, which is written beside this file.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transpile, writeFiles } from '@bytecodealliance/jco-transpile';

const [component, steps, uri] = process.argv.slice(2);
const made = await transpile(component, { name: 'milvus', outDir: fileURLToPath(new URL('milvus', import.meta.url)) });
await writeFiles(made.files);
const { tools } = await import('./milvus/milvus.js');

const connection = { uri, token: process.env.MILVUS_TOKEN, timeoutMs: 60000, options: [] };
console.log(tools.listTools().map((tool) => tool.name).join(' '));
for (const step of (await readFile(steps, 'utf8')).trim().split('\n')) {
  const space = step.indexOf(' ');
  const tool = step.slice(0, space);
  try {
    console.log(tools.callTool(connection, tool, step.slice(space + 1)));
  } catch (error) {
    console.error(`${tool}: expected an answer, got ${error instanceof Error ? error.stack : JSON.stringify(error)}`);
    process.exit(1);
  }
}
// jco's HTTP runs in a thread that does not end by itself.
process.exit(0);
