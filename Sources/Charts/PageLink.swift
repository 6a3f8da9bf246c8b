// Files beside a page: the records that its numbers come from. Nothing else is linked to, so that a page says the
// same wherever its folder is taken.

/// A file beside the page.
package struct PageLink: Sendable, Equatable {
    package var text: String
    /// The path from the page's folder.
    package var path: String

    /// A link to a file, named by its path unless said otherwise.
    package init(_ path: String, text: String? = nil) {
        self.path = path
        self.text = text ?? path
    }

    /// The link as markup.
    func render(into markup: inout Markup) {
        markup.element("a", ["href": Self.reference(path)], text: text)
    }

    /// A path as a reference that no browser takes for an address: all but plain characters are encoded, and what
    /// leads out of the folder leads nowhere.
    static func reference(_ path: String) -> String {
        let parts = path.split(separator: "/")
        guard !path.hasPrefix("/"), !parts.contains("..") else { return "#" }
        var text = ""
        for byte in parts.joined(separator: "/").utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "/"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                text += "%" + (digits.count < 2 ? "0" : "") + digits
            }
        }
        return text
    }
}
