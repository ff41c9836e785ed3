// The size rules are those of the Python: one idea a file, short functions.

import js from "@eslint/js";

const DOM_ONLY = "Build elements with h() and s() of shared/dom.js.";

export default [
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "max-lines": ["error", 250],
      "max-lines-per-function": ["error", 40],
      "max-depth": ["error", 3],
      "max-params": ["error", 4],
      complexity: ["error", 12],
      curly: ["error", "multi-or-nest", "consistent"],
      eqeqeq: "error",
      "no-shadow": "error",
      "no-undef": "off", // tsc does it better
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-var": "error",
      "prefer-const": "error",
      "no-restricted-globals": ["error", { name: "fetch", message: "Requests belong in server/server.js and local/files.js." }],
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: DOM_ONLY },
        { property: "outerHTML", message: DOM_ONLY },
        { property: "insertAdjacentHTML", message: DOM_ONLY },
      ],
    },
  },
  { files: ["**/page/server/server.js", "**/page/local/{files,sw}.js"], rules: { "no-restricted-globals": "off" } },
  {
    // The views get what they show from the Api that they are given, so that another site can give another one.
    files: ["**/page/{try,explain,dataset}/**"],
    rules: { "no-restricted-imports": ["error", { patterns: ["**/server/**", "**/local/**"] }] },
  },
];
