// Writes src/api/schema.ts, the types of what the API answers, from the description that the program's own code makes.

import openapi, { astToString } from "openapi-typescript";
import { writeFile } from "node:fs/promises";

const types = await openapi(new URL("../docs/reference/openapi.json", import.meta.url), {
  rootTypes: true,
  rootTypesNoSchemaPrefix: true,
});
await writeFile("src/api/schema.ts", `// Made of docs/reference/openapi.json by \`cargo xtask console\`.\n\n${astToString(types)}`);
