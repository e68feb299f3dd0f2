/** What the build makes of the report's style. */
declare module 'virtual:report.css';
