/** What commander gives of a command's options, by their names in camel case; what was not given is missing. */
export type Given = Readonly<Record<string, unknown>>;
