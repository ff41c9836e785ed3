// What the export writes before sw.js.

declare const VERSION: string;
declare const FILES: Record<string, string>;
