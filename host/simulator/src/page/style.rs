//! The page's style sheet, for light and dark.

/// `h0` to `h9` colour a node by the share of its bytes that stays there, `a0` to `a9` a pod by its application.
pub(super) const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#57606a;--paper:#fff;--line:#d0d7de;--box:#f6f8fa;--near:#0a6cbd;--far:#c4400a}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9aa4af;--paper:#0d1117;--line:#30363d;--box:#161b22;--near:#58a6ff;--far:#ff8a4c}}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:62rem;margin:0 auto;padding:1rem 1.5rem 4rem}
h1,h2,h3{line-height:1.2}h2{margin-top:2.5rem}
.headlines{font-size:1.15rem;padding-left:1.2rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.875rem;margin:1rem 0}
caption{text-align:left;color:var(--dim);padding-bottom:.25rem}
th,td{padding:.25rem .75rem;border-bottom:1px solid var(--line);text-align:right;vertical-align:top;overflow-wrap:anywhere}
th:first-child,td.text{text-align:left}
small,.dim{color:var(--dim)}
svg{display:block;max-width:100%;height:auto;font:12px system-ui,sans-serif}
svg text{fill:var(--ink)}svg .dim{fill:var(--dim)}
.axis{stroke:var(--line)}.whisker{stroke:var(--near);stroke-width:2}.point{fill:var(--near)}
.zone{fill:none;stroke:var(--line)}.node{fill:var(--box);stroke:var(--line)}
.z,.x{fill:none;stroke-opacity:.6}.z{stroke:var(--near)}.x{stroke:var(--far)}
.key-z{color:var(--near)}.key-x{color:var(--far)}
.hn{fill:var(--line)}.h0{fill:#440154}.h1{fill:#482878}.h2{fill:#3e4989}.h3{fill:#31688e}.h4{fill:#26828e}
.h5{fill:#1f9e89}.h6{fill:#35b779}.h7{fill:#6ece58}.h8{fill:#b5de2b}.h9{fill:#fde725}
.a0{fill:#0072b2}.a1{fill:#e69f00}.a2{fill:#009e73}.a3{fill:#cc79a7}.a4{fill:#56b4e9}.a5{fill:#d55e00}
.a6{fill:#b8a800}.a7{fill:#7b5fc7}.a8{fill:#8c564b}.a9{fill:#17a398}.other{fill:#8b949e}
.legend{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.25rem 1rem;font-size:.875rem}
.legend li{overflow-wrap:anywhere}.legend svg{display:inline;vertical-align:middle}
";
