// A chart as a file of its own: the same drawing with the stylesheet inside, on its own ground, since a picture in
// a Markdown page sees no stylesheet but its own.

extension Chart {
    /// The plot as an SVG document that looks the same wherever it is shown, dark screens included.
    package func standaloneSVG() -> String {
        let svg = svg()
        guard let end = svg.firstIndex(of: ">") else { return svg }
        let size = svg.firstMatch(of: #/viewBox="0 0 ([0-9.]+) ([0-9.]+)"/#)
        let (width, height) = (size.map { String($0.1) } ?? "0", size.map { String($0.2) } ?? "0")
        var markup = Markup()
        markup.element("style", text: Stylesheet.standalone)
        markup.element(
            "rect", ["class": "ground", "width": width, "height": height, "rx": "8"])
        return svg[..<end] + " width=\"\(width)\" height=\"\(height)\">" + markup.text
            + svg[svg.index(after: end)...]
    }
}
