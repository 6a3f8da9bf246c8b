// The character classes of the pre-tokeniser's pattern, as the regular expression engine of the Hugging
// Face library sees them: \p{L}, \p{N} and \s of Unicode 16. The standard library here knows Unicode 17,
// whose new letters that engine does not know; a scalar's age tells them apart.

/// What the pattern distinguishes of a scalar.
package enum ScalarClass: UInt8 {
    /// Neither letter, number nor white space: punctuation, symbols, marks, controls, unassigned.
    case other
    /// General category L.
    case letter
    /// General category N.
    case number
    /// White_Space but CR and LF.
    case space
    /// CR or LF.
    case newline

    /// The newest Unicode version that the engine's tables hold.
    ///
    /// - Source: Oniguruma as bundled with tokenizers 0.22.2; all scalars compared.
    /// - Checked by: `ScalarClassTests`.
    static let unicodeVersion = (major: 16, minor: 0)

    /// The class of any scalar, from the standard library's tables.
    package init(_ scalar: Unicode.Scalar) {
        if scalar == "\r" || scalar == "\n" {
            self = .newline
            return
        }
        let properties = scalar.properties
        guard !properties.isWhitespace else {
            self = .space
            return
        }
        self = Self.isKnown(properties) ? Self(properties.generalCategory) : .other
    }

    private init(_ category: Unicode.GeneralCategory) {
        switch category {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            self = .letter
        case .decimalNumber, .letterNumber, .otherNumber: self = .number
        default: self = .other
        }
    }

    /// Whether the scalar was assigned in the version that the engine knows.
    static func isKnown(_ properties: Unicode.Scalar.Properties) -> Bool {
        guard let age = properties.age else { return false }
        return (age.major, age.minor) <= unicodeVersion
    }

    /// The classes of the scalars below U+10000, made once.
    static let basicPlane: [UInt8] = (0..<0x10000).map { value in
        Unicode.Scalar(UInt32(value)).map { Self($0).rawValue } ?? 0
    }
}

extension Unicode.Scalar {
    /// `\w` of the Rust regex crate, which bounds added tokens that match whole words only.
    ///
    /// - Source: Unicode TR 18, annex C: Alphabetic, M, Nd, Pc, Join_Control.
    var isWordCharacter: Bool {
        let properties = properties
        guard ScalarClass.isKnown(properties) else { return false }
        if properties.isAlphabetic || properties.isJoinControl { return true }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation:
            return true
        default: return false
        }
    }
}
