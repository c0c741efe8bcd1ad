// What an answer may use beside the language itself.
declare const console: Record<"log" | "info" | "warn" | "error" | "debug", (...values: unknown[]) => void>;
declare function structuredClone<T>(value: T): T;
declare function setTimeout(run: () => void, milliseconds?: number): number;
