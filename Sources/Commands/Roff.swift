// The little of roff that a manual page takes, in the macros of man(7), which groff and mandoc both read.

/// A manual page being written.
struct Roff {
    private(set) var text = ""
    /// Whether nothing stands under the last heading yet.
    private var isFresh = false

    /// The head of a page of section 1.
    ///
    /// There is no date: the same program writes the same page on every day.
    init(name: String, source: String) {
        text = ".TH \(Self.quoted(name.uppercased())) 1 \"\" \(Self.quoted(source)) \"Ingot\"\n"
        // Words that may be typed are not broken; lines are flush left.
        text += ".nh\n.ad l\n"
    }

    mutating func section(_ title: String) {
        text += ".SH \(Self.quoted(title.uppercased()))\n"
        isFresh = true
    }

    mutating func subsection(_ title: String) {
        text += ".SS \(Self.quoted(title))\n"
        isFresh = true
    }

    /// Running text; between backquotes it is bold.
    mutating func paragraph(_ content: String) {
        separate()
        text += Self.line(Self.marked(content))
    }

    /// A paragraph begins, except right under a heading, which begins one itself.
    private mutating func separate() {
        if !isFresh { text += ".PP\n" }
        isFresh = false
    }

    /// Lines as they stand.
    mutating func example(_ lines: [String]) {
        separate()
        text += ".RS 2\n.nf\n"
        for line in lines { text += Self.line(Self.escaped(line)) }
        text += ".fi\n.RE\n"
    }

    /// Lines that show how a command is called: words to type are bold, words to replace are italic.
    mutating func synopsis(_ lines: [String]) {
        text += ".nf\n"
        for line in lines {
            text += Self.line(line.split(separator: " ").map(Self.word).joined(separator: " "))
        }
        text += ".fi\n"
    }

    /// A term in marked text and what it means.
    mutating func item(_ term: String, _ content: String) {
        text += ".TP\n" + Self.line(term) + Self.line(content.isEmpty ? "" : Self.marked(content))
    }

    /// References to other pages, in order.
    mutating func references(_ names: [String]) {
        for (index, name) in names.enumerated() {
            text += ".BR \(Self.escaped(name)) (1)\(index == names.count - 1 ? "" : ",")\n"
        }
    }

    static func bold(_ text: String) -> String { "\\fB\(escaped(text))\\fR" }
    static func italic(_ text: String) -> String { "\\fI\(escaped(text))\\fR" }

    /// A text with its backquoted parts in bold.
    private static func marked(_ text: String) -> String {
        let parts = text.split(separator: "`", omittingEmptySubsequences: false)
        // An odd backquote is one that was meant.
        guard parts.count % 2 == 1 else { return escaped(text) }
        return parts.enumerated().map { $0 % 2 == 1 ? bold(String($1)) : escaped(String($1)) }.joined()
    }

    /// A word of a synopsis, brackets and dots around it left as they are.
    private static func word(_ word: Substring) -> String {
        let start = word.prefix { $0 == "[" || $0 == "|" }
        let rest = word.dropFirst(start.count)
        let core = rest.prefix { $0 != "]" }
        let isName = core.contains { $0.isUppercase } && !core.contains { $0.isLowercase && $0.isLetter }
        let isFile = core.hasPrefix("FILE.")
        let end = rest.dropFirst(core.count)
        guard !core.isEmpty else { return escaped(String(word)) }
        return escaped(String(start)) + (isName || isFile ? italic(String(core)) : bold(String(core)))
            + escaped(String(end))
    }

    /// A line that no macro begins by accident.
    private static func line(_ text: String) -> String {
        (text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" : "") + text + "\n"
    }

    private static func quoted(_ text: String) -> String {
        "\"" + escaped(text).replacing("\"", with: "\\(dq") + "\""
    }

    /// A text in ASCII, hyphens as they are typed and all else by its code point.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "~": result += "\\(ti"
            case "^": result += "\\(ha"
            case "'": result += "\\(aq"
            case "\u{20}"..."\u{7E}": result.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                result += "\\[u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "]"
            }
        }
        return result
    }
}
