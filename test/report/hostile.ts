/** Names as they come from folders and files of strangers. */
export const hostile: readonly string[] = [
  '</script><img src=x onerror=alert(1)>',
  `"'&<>`,
  '--><svg/onload=alert(1)>',
  '${1}',
  'zero\u0000\ud800width',
];
