//! The page's style sheet, beside that of its maps, which has the colours for light and dark.

pub(super) const STYLE: &str = "
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
svg[role=img]{display:block;max-width:100%;height:auto;font:12px system-ui,sans-serif}
svg text{fill:var(--ink)}svg .dim{fill:var(--dim)}
.axis{stroke:var(--line)}.whisker{stroke:var(--accent);stroke-width:2}.point{fill:var(--accent)}
";
