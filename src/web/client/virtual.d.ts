/** The report's style, made by the build. */
declare module 'virtual:report.css';
