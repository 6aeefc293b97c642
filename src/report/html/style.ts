import { NAMES } from '../charts/palette';

/** On a dark page: as far from the paper, and from each other, as on a light one. */
const DARK: Record<string, string> = {
  ink: '#e6eaef',
  muted: '#a9b4c0',
  grid: '#36404b',
  paper: '#171c22',
  unsteered: '#76818d',
  warning: '#ff8a80',
  'series-1': '#3f97dd',
  'series-2': '#ff9248',
  'series-3': '#3fc7a4',
  'series-4': '#e593c6',
  'series-5': '#d8bb42',
  'series-6': '#a8d8f5',
  'series-7': '#b79df0',
  'series-8': '#c9a48c',
};

const variables = (colors: Record<string, string>) =>
  Object.entries(colors)
    .map(([name, color]) => `--chart-${name}:${color}`)
    .join(';');

/** The page's style sheet. */
export const STYLE = `
:root{color-scheme:light;${variables(NAMES)};--soft:#f3f5f8;--line:#cfd6de;--link:#0a5a96;--ok:#0b6b45;
--failed:#a8231c;--mark:#ffe28a;--mark-ink:#1b2430}
@media screen and (prefers-color-scheme:dark){:root{color-scheme:dark;${variables(DARK)};--soft:#20272f;
--line:#414c58;--link:#7cc0f5;--ok:#63d3a2;--failed:#ff9d95;--mark:#6b5400;--mark-ink:#fff3cf}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0 auto;max-width:88rem;padding:0 1rem 4rem;background:var(--chart-paper);color:var(--chart-ink);
font:1rem/1.5 system-ui,Helvetica,Arial,'Liberation Sans',sans-serif;overflow-wrap:break-word}
h1{font-size:1.7rem;line-height:1.2;margin:2rem 0 .5rem}
h2{font-size:1.3rem;margin:2.5rem 0 .75rem;padding-top:.75rem;border-top:1px solid var(--line)}
h3{font-size:1.05rem;margin:1.5rem 0 .5rem}
p{margin:.5rem 0;max-width:48rem}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.5rem;padding:.5rem;background:var(--chart-paper)}
.contents{margin:1rem 0}
.contents ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;padding:0;margin:.25rem 0}
.contents b{margin-right:.6rem}
.contents li{min-width:0;overflow-wrap:anywhere}
.notices{border-left:4px solid var(--failed);background:var(--soft);padding:.5rem 1rem;margin:1rem 0}
.notices ul{margin:.25rem 0;padding-left:1.2rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,31rem),1fr));gap:1.5rem;margin:1rem 0}
figure{margin:0;min-width:0}
figure svg{display:block;max-width:100%;height:auto}
figcaption{color:var(--chart-muted);font-size:.9rem;max-width:40rem}
figcaption a{white-space:nowrap}
details{margin:.75rem 0}
details caption{position:absolute;width:1px;height:1px;padding:0;overflow:hidden;clip-path:inset(50%)}
@media screen and (min-width:1100px){.beside{display:grid;grid-template-columns:minmax(0,36rem) minmax(0,1fr);gap:0 1.5rem}
.beside table{font-size:.8rem}.beside :is(th,td){padding:.25rem .4rem}
figure:only-child{display:grid;grid-template-columns:auto minmax(0,1fr);gap:0 1.5rem}
figure:only-child figcaption{padding-top:3rem}
.beside figure:only-child{display:block}.beside figcaption:last-child{padding-top:0}}
summary{cursor:pointer;color:var(--link)}
.box{overflow:auto;max-height:75vh;border:1px solid var(--line);border-radius:4px;margin:.5rem 0 1rem;width:fit-content;max-width:100%}
table{border-collapse:separate;border-spacing:0;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;padding:.4rem .6rem;color:var(--chart-muted)}
th,td{padding:.3rem .6rem;text-align:left;vertical-align:top;white-space:nowrap}
thead th{position:sticky;top:0;background:var(--soft);border-bottom:1px solid var(--line)}
th[scope=row]{font-weight:400}
th[scope=rowgroup]{padding-top:.7rem;border-bottom:1px solid var(--line)}
.number{text-align:right}
.settings td{white-space:pre-wrap;overflow-wrap:anywhere;min-width:12rem}
code,pre{font-family:ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:.85rem}
pre.command{background:var(--soft);border:1px solid var(--line);border-radius:4px;padding:.6rem;margin:.5rem 0;
white-space:pre-wrap;overflow-wrap:anywhere}
button,select,input{font:inherit;color:inherit;background:var(--soft);border:1px solid var(--chart-muted);border-radius:4px;
padding:.35rem .6rem;max-width:100%;min-height:2.25rem}
button:disabled{opacity:.5}
button:not(:disabled){cursor:pointer}
.controls{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:end;margin:1rem 0 .5rem}
.controls label{display:flex;flex-direction:column;font-size:.85rem;color:var(--chart-muted);min-width:0;max-width:100%}
.controls :is(select,input){color:var(--chart-ink);font-size:1rem}
.controls input{width:20rem}
[role=status]{font-weight:600}
.answers{list-style:none;padding:0;margin:0}
.answers>li{border-top:1px solid var(--line);padding:.75rem 0}
.answers p{margin:.2rem 0}
p.tags{max-width:none}
.tags{display:flex;flex-wrap:wrap;gap:.3rem}
.tag i{font-style:normal;color:var(--chart-muted)}
.tag{background:var(--soft);border:1px solid var(--line);border-radius:4px;padding:0 .4rem;font-size:.8rem}
.prompt{white-space:pre-wrap;color:var(--chart-muted);max-width:60rem}
.sides{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:.75rem 1.5rem}
.sides>div{min-width:0}
.facts{font-size:.85rem;color:var(--chart-muted)}
.facts b{color:var(--chart-ink)}
.ok{color:var(--ok)}
.failed{color:var(--failed)}
.response{white-space:pre-wrap;overflow-wrap:anywhere;max-height:24rem;overflow:auto;max-width:none}
.evidence{font-size:.85rem;font-style:italic;color:var(--chart-muted)}
mark{background:var(--mark);color:var(--mark-ink);border-radius:2px}
.pages{display:flex;gap:1rem;align-items:center;margin:1rem 0}
.print{display:none}
footer{margin-top:3rem;color:var(--chart-muted);font-size:.85rem}
@page{margin:12mm}
@media print{body{max-width:none;font-size:10pt;padding:0}.skip,.contents,.copy,#answers-table,noscript{display:none}
.print{display:block}.box{max-height:none;overflow:visible;border:0}thead th{position:static}
figure,tr{break-inside:avoid}h2,h3{break-after:avoid}.figures{display:block}figure{margin-bottom:1rem}
table{font-size:7pt}th,td{white-space:normal;padding:.15rem .25rem}td.number{white-space:nowrap}}
`;
