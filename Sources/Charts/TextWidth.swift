// How wide a label will be. No font is at hand when a report is written, so widths are estimates of common
// interface fonts, a little on the wide side; labels that would not fit are cut with an ellipsis.

/// The width of a line of text in user units, estimated.
func textWidth(_ text: String, size: Double = ChartSize.fontSize) -> Double {
    var ems = 0.0
    for scalar in text.unicodeScalars {
        switch scalar {
        case "i", "j", "l", "I", "|", ".", ",", ":", ";", "'", "!", " ": ems += 0.3
        case "f", "r", "t", "(", ")", "[", "]", "/", "-": ems += 0.39
        case "m", "w", "M", "W", "@", "%": ems += 0.9
        case "A"..."Z": ems += 0.69
        case _ where scalar.value >= 0x1100: ems += scalar.value < 0x2E80 ? 0.7 : 1.05
        default: ems += 0.58
        }
    }
    return ems * size
}

/// The text, cut with an ellipsis when it is wider than there is room.
func fitted(_ text: String, width: Double, size: Double = ChartSize.fontSize) -> String {
    // A label of a megabyte is cut before it is measured.
    let short = text.unicodeScalars.count > 400 ? String(text.prefix(200)) + "…" : text
    guard textWidth(short, size: size) > width else { return short }
    var kept = Substring(short)
    while !kept.isEmpty, textWidth(kept + "…", size: size) > width { kept.removeLast() }
    return kept + "…"
}

private func textWidth(_ text: Substring, size: Double) -> Double { textWidth(String(text), size: size) }

/// The text in lines that fit a width, broken at spaces; the last line is cut when there are too many.
func wrapped(_ text: String, width: Double, lines limit: Int, size: Double = ChartSize.fontSize) -> [String] {
    let words = String(text.prefix(400)).split(whereSeparator: \.isWhitespace).map(String.init)
    var lines: [String] = []
    for (index, word) in words.enumerated() {
        if let last = lines.last, textWidth(last + " " + word, size: size) <= width {
            lines[lines.count - 1] = last + " " + word
        } else if lines.count < limit {
            lines.append(word)
        } else {
            lines[lines.count - 1] += " " + words[index...].joined(separator: " ")
            break
        }
    }
    return lines.map { fitted($0, width: width, size: size) }
}
