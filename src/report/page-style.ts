/** How the page looks: on a desk, on a telephone, in the dark, on paper. Text alone; the page's policy names its hash. */
import { colourStyle, figureStyle } from './figure.ts';

/** Of a cell's colour, %, from rare to always. Text is read on each: ink up to the seventh, and the lightest or darkest beyond. */
const shades = [7, 14, 22, 31, 40, 49, 58, 86, 96];

const layout = `
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0 auto;max-width:61rem;padding:1.5rem 1.25rem 4rem;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;overflow-wrap:break-word}
h1,h2,h3,h4{line-height:1.2;text-wrap:balance}
h1{font-size:1.9rem;margin:.4rem 0 .6rem;letter-spacing:-.015em}
h2{font-size:1.35rem;margin:3rem 0 .8rem;padding-top:1rem;border-top:1px solid var(--faint)}
h3{font-size:1.05rem;margin:1.8rem 0 .5rem}
h4{font-size:.95rem;margin:.2rem 0 .5rem}
p{margin:.5rem 0;max-width:46rem}
a{color:var(--change);text-underline-offset:.15em}
a:focus-visible,summary:focus-visible,button:focus-visible,.scroll:focus-visible{outline:2px solid var(--change);outline-offset:2px}
small{font-size:.8em;color:var(--muted);font-weight:400}
code,pre{font:.875em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
pre{background:var(--wash);border:1px solid var(--faint);border-radius:6px;padding:.7rem .8rem;margin:.4rem 0;white-space:pre-wrap;overflow-wrap:anywhere}
pre span{display:inline-block;max-width:100%}
.hash{overflow-wrap:anywhere}
.quiet{color:var(--muted)}
.bad{color:var(--bad)}
.won{color:var(--accent);font-weight:650}
.what{color:var(--muted);margin-top:0}
.what strong{color:var(--ink);font-weight:600}
.result{font-size:1.2rem;line-height:1.45;margin:1rem 0 .4rem}
.again{font-weight:600;margin-top:1.2rem}
.condition{color:var(--muted)}
.condition.open{border-left:3px solid var(--accent);background:var(--glow);padding:.45rem .8rem;color:var(--ink)}
nav{font-size:.9rem;color:var(--muted)}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;padding:0;margin:.3rem 0 0}
.pairs{margin:.4rem 0;display:grid;gap:.15rem}
.pairs div{display:grid;grid-template-columns:minmax(8rem,13rem) 1fr;gap:.1rem 1rem;padding:.18rem 0;border-bottom:1px solid var(--faint)}
.pairs dt{color:var(--muted)}
.pairs dd{margin:0;overflow-wrap:anywhere}
.key .pairs{grid-template-columns:repeat(auto-fit,minmax(min(100%,10.5rem),1fr));gap:1px;background:var(--faint);border:1px solid var(--faint);border-radius:8px;overflow:hidden;margin:1.1rem 0}
.key .pairs div{display:block;background:var(--paper);padding:.6rem .85rem .7rem;border:0}
.key dt{font-size:.8rem}
.key dd strong{display:block;font-size:1.65rem;line-height:1.25;font-weight:650;letter-spacing:-.015em;font-variant-numeric:tabular-nums}
.key div:first-child dd strong{color:var(--accent)}
.key dd small{display:block;font-size:.78rem;line-height:1.45}
.key progress{display:block;width:100%;height:.45rem;margin:.2rem 0 .3rem;accent-color:var(--accent)}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:0 2.2rem}
.columns h3{margin-top:1rem}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums;margin:.6rem 0}
caption{text-align:left;color:var(--muted);font-size:.85rem;padding-bottom:.35rem}
caption .csv{font-size:.8rem;white-space:nowrap}
.fig .follower{fill:var(--change);stroke:var(--paper);stroke-width:1.5}
.curves{display:flex;flex-wrap:wrap;gap:1rem}
.threshold{display:grid;gap:.25rem;max-width:38rem}
.threshold[hidden]{display:none}
.threshold input{width:100%;min-height:1.6rem;accent-color:var(--accent)}
.threshold output{font-variant-numeric:tabular-nums}
caption span{display:inline-block;max-width:min(46rem,calc(100vw - 2.6rem))}
th,td{padding:.28rem .6rem .28rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--faint)}
th:not(:first-child),td:not(:first-child){padding-left:.6rem}
thead th{font-weight:600;vertical-align:bottom;border-bottom-color:var(--muted)}
tbody th{font-weight:500}
.number{text-align:right;white-space:nowrap}
.tick{text-align:center}
.yes{color:var(--good);font-weight:650}
.group{font-weight:500;color:var(--muted);padding-top:.9rem;font-size:.92em}
.note{font-size:.875rem;color:var(--muted);margin:.35rem 0}
.study th,.study td{white-space:nowrap}
.study thead th{white-space:normal;overflow-wrap:normal}
table.study{font-size:.86rem}
.study tbody th[scope=row]{white-space:normal;min-width:7.8rem}
table.study th:not(:first-child),table.study td:not(:first-child){padding-left:.45rem}
table.study th,table.study td{padding-right:.45rem}
.study th:first-child{position:sticky;left:0;background:var(--paper)}
.study th.group{position:static}
.study thead th.tick{font-weight:500}
.conclusions{border-left:3px solid var(--faint);padding:.1rem 0 .1rem 1rem;margin:1.1rem 0}
.conclusions h3{margin:.1rem 0 .3rem}
.conclusions ul{margin:0;padding-left:1.1rem;max-width:50rem}
.conclusions li{margin:.4rem 0}
.conclusions.shown{border-left-color:var(--good)}
.conclusions.shown h3{color:var(--good)}
.conclusions.not-shown{border-left-color:var(--accent)}
.conclusions.not-shown h3{color:var(--accent)}
.conclusions.too-few{border-left-color:var(--bad)}
.conclusions.too-few h3{color:var(--bad)}
.conclusions.note{font-size:.93rem;color:var(--muted)}
pre.file{max-height:40rem;overflow:auto}
table.children{width:100%}
.children tr:first-child th,.children tr:first-child td{border-bottom:0;padding-bottom:0}
.children thead th.number{white-space:normal}
.children thead tr:first-child th{border-bottom:1px solid var(--muted);padding-bottom:.3rem}
.children small{display:block}
.children .operators td{font-size:.85em;color:var(--muted);padding-top:0;padding-bottom:.35rem}
.children .operators td:first-child{padding-left:1.1rem}
.children th{white-space:nowrap}
.children .winner{background:var(--glow)}
.children .winner th{color:var(--accent);font-weight:650}
.children .mark{color:var(--muted)}
figure{margin:1.2rem 0;min-width:0}
figcaption{font-size:.875rem;color:var(--muted);margin-bottom:.5rem;max-width:46rem}
figcaption strong{color:var(--ink)}
svg.fig{display:block;max-width:100%;height:auto}
.narrow-only{display:none!important}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,25rem),1fr));gap:0 2.5rem;align-items:start}
.figures.uneven{display:flex;flex-wrap:wrap}
.figures.uneven>*{flex:1 1 20rem;min-width:0}
.figures.uneven>div{flex:0 1 auto;max-width:100%}
details{border:1px solid var(--faint);border-radius:6px;margin:.4rem 0;background:var(--paper)}
summary{cursor:pointer;padding:.4rem .7rem}
summary strong{font-weight:600}
details[open]>summary{border-bottom:1px solid var(--faint)}
details>*:not(summary){margin-left:.7rem;margin-right:.7rem}
.edits{margin:.5rem .7rem;padding-left:1.4rem;font-size:.9rem}
.changes{min-width:0;margin:1.2rem 0}
.legend{font-size:.85rem}
.key-added{color:var(--accent);font-weight:650}
.key-altered{color:var(--change);font-weight:650}
.graph .scroll{overflow:auto;max-height:36rem;margin:.5rem 0;border:1px solid var(--faint);border-radius:6px;background:var(--paper)}
.graph svg.fig{max-width:none;margin:0 auto}
.graph a{cursor:pointer}
.graph a:hover .box,.graph a:focus .box{stroke:var(--change);stroke-width:2.2}
.graph a{outline:none}
.tools{display:flex;gap:.4rem;margin:.5rem 0 0}
button{font:inherit;font-size:.85rem;color:var(--ink);background:var(--wash);border:1px solid var(--faint);border-radius:5px;padding:.15rem .7rem;min-height:2rem;cursor:pointer}
button:hover{border-color:var(--muted)}
.layers .first th,.layers .first td{border-top:1px solid var(--muted)}
tr:target{background:var(--glow);outline:2px solid var(--accent)}
.confusion{font-size:.82rem;border-collapse:separate;border-spacing:1px}
.confusion th,.confusion td{border:0;padding:.22rem .3rem}
.confusion td{text-align:right;min-width:2.3rem}
.confusion .right{outline:1px solid var(--muted);outline-offset:-1px}
.confusion .upright{vertical-align:bottom;padding:.3rem 0;text-align:right}
.confusion .upright span{writing-mode:vertical-rl;transform:rotate(180deg);max-height:9rem;overflow:hidden;font-weight:500;display:inline-block}
${shades.map((percent, index) => `.h${index + 1}{background:rgb(var(--heat)/${percent}%)}`).join('')}
.h8,.h9{color:#fff}
.mistakes{list-style:none;padding:0;margin:1rem 0;display:grid;grid-template-columns:repeat(auto-fill,minmax(6.6rem,1fr));gap:1rem .8rem;font-size:.85rem;line-height:1.3}
.mistakes img{display:block;margin-bottom:.3rem;image-rendering:pixelated;border-radius:3px;background:var(--wash)}
.mistakes li{overflow-wrap:anywhere;min-width:0}
footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--faint);font-size:.85rem;color:var(--muted)}
.run+section h2{margin-top:2rem}
article+article{margin-top:5rem;border-top:3px solid var(--faint)}
@media screen and (prefers-color-scheme:dark){.h8,.h9{color:#0b1015}}
@media (max-width:40rem){
body{padding:1rem 1rem 3rem;font-size:15.5px}
h1{font-size:1.55rem}
.result{font-size:1.1rem}
.wide-only{display:none!important}
.narrow-only{display:block!important}
.pairs div{grid-template-columns:minmax(0,9rem) minmax(0,1fr)}
table{font-size:.84rem}
th,td{padding-right:.35rem}
th:not(:first-child),td:not(:first-child){padding-left:.35rem}
}
@media print{
@page{margin:16mm 14mm}
body{max-width:none;padding:0;font-size:10.5pt}
h2{break-after:avoid;margin-top:1.6rem}
h3,h4,caption{break-after:avoid}
figure,tr,.mistakes li,.key{break-inside:avoid}
.study table{font-size:7pt}
.study table th:not(:first-child),.study table td:not(:first-child){padding-left:.2rem}
.study table th,.study table td{padding-right:.2rem}
.study tbody th[scope=row]{min-width:4rem}
.study td code{white-space:normal;overflow-wrap:anywhere}
.study th:first-child{position:static}
nav,.tools{display:none}
.figures{grid-template-columns:1fr 1fr;gap:0 1.5rem}
.scroll{overflow:visible}
.graph .scroll{max-height:none;overflow:visible;border:0}
.graph svg.fig{max-width:100%;max-height:235mm}
details:not([open]){display:none}
a{color:inherit;text-decoration:none}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
`;

export const pageStyle = `${colourStyle(':root')}${figureStyle}${layout}`.replaceAll('\n', '');
