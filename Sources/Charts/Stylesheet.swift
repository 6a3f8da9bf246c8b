// The look of a report: one set of variables for light pages and print, one for dark screens.

/// The rules that every page carries.
enum Stylesheet {
    /// All rules.
    ///
    /// No character of them needs escaping in XML.
    static let text =
        """
        :root{\(light)}
        @media screen and (prefers-color-scheme:dark){:root{\(dark)}}
        \(page)
        \(pieces)
        \(plots)
        \(SeriesStyle.classRules)
        \(HeatColours.classes)
        \(narrow)
        \(print)

        """

    /// The rules of a chart that is a file of its own: its font and ground are those of a page.
    static let standalone =
        """
        :root{\(light)}
        @media (prefers-color-scheme:dark){:root{\(dark)}}
        svg{font:\(Int(ChartSize.fontSize))px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Noto Sans SC",\
        "PingFang SC","Microsoft YaHei",Arial,sans-serif}
        .ground{fill:var(--page)}
        \(plots)
        \(SeriesStyle.classRules)
        \(HeatColours.classes)

        """

    private static let light =
        "--page:#FFFFFF;--ink:#1B1F24;--soft:#57606A;--line:#D5DAE0;--grid:#E6E9ED;--panel:#F6F8FA;"
        + "--pass:#00704F;--pass-tint:#E4F4EE;--warn:#8A5A00;--warn-tint:#FCF2DC;--fail:#B83A00;"
        + "--fail-tint:#FDECE3;--link:#0060A0;" + SeriesStyle.light + HeatColours.light

    private static let dark =
        "--page:#14181D;--ink:#E6EAEE;--soft:#A3ADB8;--line:#3A434D;--grid:#2A313A;--panel:#1C2229;"
        + "--pass:#3CC79A;--pass-tint:#14302A;--warn:#E6B422;--warn-tint:#332A12;--fail:#FF8A4C;"
        + "--fail-tint:#3A2117;--link:#6CBCEB;" + SeriesStyle.dark + HeatColours.dark

    private static let page =
        """
        *{box-sizing:border-box}
        html{color-scheme:light dark;-webkit-text-size-adjust:100%;text-size-adjust:100%}
        body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",\
        Roboto,"Helvetica Neue","Noto Sans","Liberation Sans",Arial,sans-serif}
        main{max-width:1060px;margin:0 auto;padding:40px 28px 64px}
        h1{font-size:30px;line-height:1.2;margin:0;letter-spacing:-.01em;overflow-wrap:anywhere}
        h2{font-size:21px;line-height:1.3;margin:0 0 12px;padding-top:26px;border-top:1px solid var(--line);\
        overflow-wrap:anywhere}
        h3{font-size:16px;line-height:1.35;margin:0;overflow-wrap:anywhere}
        section{margin-top:36px}
        .subtitle{margin:8px 0 0;color:var(--soft);font-size:17px;max-width:75ch;overflow-wrap:anywhere}
        .prose{margin:0 0 16px;max-width:75ch;overflow-wrap:anywhere}
        a{color:var(--link)}
        code{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;\
        font-size:.9em;background:var(--panel);padding:.1em .35em;border-radius:4px;overflow-wrap:anywhere}
        nav ol{display:flex;flex-wrap:wrap;gap:6px 22px;margin:18px 0 0;padding:0;list-style:none;font-size:15px}
        footer{margin-top:44px;padding-top:16px;border-top:1px solid var(--line);color:var(--soft);font-size:14px}
        .scroll{overflow-x:auto}
        """

    private static let pieces =
        """
        .verdict{display:flex;gap:18px;align-items:flex-start;margin:24px 0 0;padding:18px 22px;\
        border:1px solid;border-left-width:6px;border-radius:8px}
        .verdict.pass{border-color:var(--pass);background:var(--pass-tint)}
        .verdict.warn{border-color:var(--warn);background:var(--warn-tint)}
        .verdict.fail{border-color:var(--fail);background:var(--fail-tint)}
        .verdict .sign{flex:none;width:44px;height:44px;border-radius:50%;color:var(--page);font-size:25px;\
        font-weight:700;line-height:44px;text-align:center}
        .pass .sign{background:var(--pass)}.warn .sign{background:var(--warn)}.fail .sign{background:var(--fail)}
        .verdict p{margin:0;overflow-wrap:anywhere}
        .verdict .word{font-size:13px;font-weight:700;letter-spacing:.08em;text-transform:uppercase}
        .pass .word{color:var(--pass)}.warn .word{color:var(--warn)}.fail .word{color:var(--fail)}
        .verdict .headline{font-size:20px;font-weight:650;line-height:1.35}
        .verdict .detail{margin-top:4px;max-width:96ch}
        .facts{display:flex;flex-wrap:wrap;gap:10px 36px;margin:20px 0 0;font-size:14px}
        .facts dt{color:var(--soft)}
        .facts dd{margin:0;font-weight:550;overflow-wrap:anywhere}
        .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(180px,1fr));gap:14px;margin:4px 0 24px}
        .card{border:1px solid var(--line);border-radius:8px;padding:12px 16px 14px;min-width:0}
        .card.fail{border-color:var(--fail)}.card.warn{border-color:var(--warn)}
        .card dt{display:flex;justify-content:space-between;align-items:baseline;gap:8px;color:var(--soft);\
        font-size:14px;overflow-wrap:anywhere}
        .card dd{margin:0;overflow-wrap:anywhere}
        .card .value{font-size:25px;font-weight:650;line-height:1.3;margin-top:2px;font-variant-numeric:tabular-nums}
        .card .note{color:var(--soft);font-size:13.5px;line-height:1.4;margin-top:2px}
        .chip{flex:none;font-size:12px;font-weight:700;white-space:nowrap}
        .chip.pass{color:var(--pass)}.chip.warn{color:var(--warn)}.chip.fail{color:var(--fail)}
        table{border-collapse:collapse;font-size:14px;line-height:1.4;margin:4px 0 20px;min-width:40%}
        caption{text-align:left;font-weight:600;padding:0 0 8px;font-size:15px}
        th,td{padding:5px 14px 5px 0;border-bottom:1px solid var(--grid);text-align:left;vertical-align:top}
        th{border-bottom:1.5px solid var(--line);color:var(--soft);font-weight:600;vertical-align:bottom}
        th.n,td.n{text-align:right;padding:5px 0 5px 20px;font-variant-numeric:tabular-nums}
        td.n{white-space:nowrap}
        th.n+th:not(.n),td.n+td:not(.n){padding-left:24px}
        td{overflow-wrap:anywhere}
        td.more{color:var(--soft)}
        td a,.value a{color:inherit;text-decoration-line:underline;text-decoration-style:dotted;\
        text-decoration-color:var(--soft);text-decoration-thickness:1px;text-underline-offset:3px}
        td a:hover,.value a:hover{color:var(--link);text-decoration-style:solid}
        .sources{margin:0 0 18px;color:var(--soft);font-size:13.5px;overflow-wrap:anywhere}
        details{margin:0 0 14px}
        summary{cursor:pointer;color:var(--link);font-size:14px;padding:4px 0}
        details .scroll:not(.plot){max-height:420px;overflow:auto}
        .findings{margin:4px 0 18px}
        .finding{border:1px solid var(--line);border-left:5px solid var(--soft);border-radius:6px;\
        padding:12px 16px;margin:0 0 12px}
        .finding.error{border-left-color:var(--fail)}.finding.warning{border-left-color:var(--warn)}
        .finding.error strong{color:var(--fail)}.finding.warning strong{color:var(--warn)}
        .finding .head{display:flex;justify-content:space-between;gap:16px;margin:0;overflow-wrap:anywhere}
        .finding .code{flex:none;align-self:flex-start}
        .finding dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 18px;margin:8px 0 0;\
        font:13.5px/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace}
        .finding dt{color:var(--soft)}
        .finding dd{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;min-width:0}
        .none{color:var(--pass);margin:0 0 16px}
        """

    private static let plots =
        """
        .plots{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:26px 32px;margin:18px 0 10px}
        figure{grid-column:1/-1;margin:0;min-width:0}
        figure.half{grid-column:auto}
        figcaption{margin-bottom:10px}
        figcaption p{margin:3px 0 0;color:var(--soft);font-size:14.5px;line-height:1.45;max-width:80ch}
        svg.chart{display:block;width:100%;height:auto;font-size:13px}
        .chart text{fill:var(--ink);font-family:inherit}
        .chart .tick,.chart .note{fill:var(--soft)}
        .chart .tick{font-variant-numeric:tabular-nums}
        .chart .label{fill:var(--ink)}
        .grid{stroke:var(--grid);stroke-width:1;fill:none}
        .minor{opacity:.6}
        .axis{stroke:var(--soft);stroke-width:1;fill:none}
        .strip{fill:var(--panel)}
        .empty{fill:var(--panel);stroke:var(--line)}
        .line{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round;stroke-dasharray:var(--d)}
        .mark{fill:var(--c);stroke:var(--c);stroke-width:1}
        .hollow{fill:var(--page);stroke-width:1.8}
        .ring{fill:none;stroke:var(--fail);stroke-width:1.6}
        .broken{fill:none;stroke:var(--fail);stroke-width:2.2}
        .band{fill:var(--soft);opacity:.16}
        .bar{fill:var(--c);stroke:var(--c);stroke-width:1}
        .bar.second{fill-opacity:.25}
        .bar.over{stroke:var(--fail);stroke-width:2.4}
        .whisker{fill:none;stroke:var(--ink);stroke-width:1.4}
        .zone{fill:var(--fail);opacity:.08}
        .limit{fill:none;stroke:var(--fail);stroke-width:1.8;stroke-dasharray:8 4}
        .limit.mean{stroke:var(--ink);stroke-dasharray:2 3}
        .limit-name{font-weight:600;paint-order:stroke;stroke:var(--page);stroke-width:4px;stroke-linejoin:round}
        .cell-mark{fill:none;stroke:var(--page);stroke-width:3}
        .cell-mark.inner{stroke:var(--fail);stroke-width:1.8}
        .void{fill:none;stroke:var(--soft);stroke-width:1}
        """

    private static let narrow =
        """
        @media (max-width:720px){main{padding:24px 16px 40px}h1{font-size:25px}.plots{display:block}\
        figure{margin-bottom:26px}.plot svg{min-width:640px}.half .plot svg{min-width:430px}\
        .verdict{padding:14px 16px;gap:12px}.verdict .headline{font-size:18px}.finding dl{grid-template-columns:1fr}\
        .finding dd{margin-bottom:4px}.cards{grid-template-columns:repeat(auto-fill,minmax(150px,1fr))}}
        """

    private static let print =
        """
        @media print{body{font-size:11pt}main{max-width:none;padding:0}nav{display:none}\
        figure,.card,.finding,.verdict,tr{break-inside:avoid}h2,h3,figcaption{break-after:avoid}\
        .verdict,.sign,.finding{-webkit-print-color-adjust:exact;print-color-adjust:exact}\
        details:not([open]){display:none}details .scroll:not(.plot){max-height:none;overflow:visible}}
        """
}
