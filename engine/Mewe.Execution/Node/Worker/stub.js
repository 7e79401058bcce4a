// Imports that nobody provides: one module per importing module, with exactly the types asked for.
'use strict';
const { unsigned, vector, name, section, functionBody, assemble } = require('binary.js');
const { constant } = require('values.js');

// wanted: [{ entry (of ModuleTypes.imports), results: values or [] }]. Returns the exports in the same order.
exports.stubs = function stubs(types, wanted) {
  const functions = [];
  const bodies = [];
  const sections = { tables: [], memories: [], tags: [], globals: [] };
  const exported = [];
  wanted.forEach(({ entry, results }, number) => {
    const publish = (list, item) => exported.push([...name(String(number)), entry.kind, ...unsigned(list.push(item) - 1)]);
    if (entry.kind === 0) {
      publish(functions, unsigned(entry.type));
      const type = types.types[entry.type];
      bodies.push(functionBody([], type.results.flatMap((result, i) => constant(types, result, results[i]))));
    } else if (entry.kind === 1) publish(sections.tables, entry.description);
    else if (entry.kind === 2) publish(sections.memories, entry.description);
    else if (entry.kind === 3) publish(sections.globals, [...entry.description, ...constant(types, entry.global.type, results[0]), 0x0b]);
    else publish(sections.tags, entry.description);
  });
  const module = assemble(
    section(1, [...unsigned(types.typeEntryCount), ...types.typeEntries]),
    section(3, vector(functions)),
    section(4, vector(sections.tables)),
    section(5, vector(sections.memories)),
    section(13, vector(sections.tags)),
    section(6, vector(sections.globals)),
    section(7, vector(exported)),
    section(10, vector(bodies)),
  );
  const instance = new WebAssembly.Instance(module);
  return wanted.map((_, number) => instance.exports[String(number)]);
};
