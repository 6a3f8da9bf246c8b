// What a card has to say and what no text file of a release may say: sections by the words that show them,
// secrets by their prefixes, places on disks, names inside networks (Profiles/releases/card.json).

import Diagnostics
import Documents

/// What cards and text files are judged by.
package struct CardProfile: Sendable {
    /// A part that a card must have.
    struct Section: Sendable {
        enum Occasion: String, CaseIterable { case always, quantised, medical }
        let name: String
        let occasion: Occasion
        /// Lower case; one of them shows that the part is there.
        let words: [String]
        /// Whether only a number beside such a word shows it.
        let isMeasured: Bool
        let what: String
    }

    /// A kind of secret.
    struct Secret: Sendable {
        enum Alphabet: String, CaseIterable {
            case alphanumeric
            case alphanumericDashes = "alphanumeric-dashes"
            case hexadecimalDashes = "hexadecimal-dashes"
        }
        let name: String
        let prefix: [UInt8]
        /// Letters that follow the prefix at least.
        let length: Int
        let alphabet: Alphabet
    }

    /// A kind of file that is never published.
    struct Stray: Sendable {
        enum Kind: String, CaseIterable { case weights, litter }
        let ending: String
        let kind: Kind
        let source: String
    }

    let sections: [Section]
    let medicalWords: [String]
    let secrets: [Secret]
    let paths: [String]
    let hostEndings: [String]
    let strays: [Stray]
    let textEndings: [String]
    /// ENGINE/DEVICE that a card gives commands for unless others are named.
    package let serveTargets: [String]

    /// The embedded profile.
    package static func read(_ library: ProfileLibrary = .embedded) throws(Failure) -> CardProfile {
        try readReleaseProfile("card", library) { (value) throws(DocumentError) in try CardProfile(value) }
    }

    init(_ value: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(value)
        try reader.schema(1)
        _ = try reader.string("title")
        _ = try reader.string("checked")
        var sections: [Section] = []
        for section in try reader.objects("sections") {
            sections.append(
                Section(
                    name: try section.string("name"),
                    occasion: try section.choice("when", Section.Occasion.self),
                    words: try section.strings("words"), isMeasured: try section.bool("measured"),
                    what: try section.string("what")))
            _ = try section.finishWithSource()
        }
        self.sections = sections
        var secrets: [Secret] = []
        for secret in try reader.objects("secrets") {
            secrets.append(
                Secret(
                    name: try secret.string("name"), prefix: Array(try secret.string("prefix").utf8),
                    length: try secret.integer("length"),
                    alphabet: try secret.choice("alphabet", Secret.Alphabet.self)))
            _ = try secret.finishWithSource()
        }
        self.secrets = secrets
        var strays: [Stray] = []
        for stray in try reader.objects("strays") {
            strays.append(
                Stray(
                    ending: try stray.string("ending"), kind: try stray.choice("kind", Stray.Kind.self),
                    source: try stray.source()))
            try stray.finish()
        }
        self.strays = strays
        func list(_ key: String) throws(DocumentError) -> [String] {
            let inner = try reader.object(key)
            let words = try inner.strings("value")
            _ = try inner.finishWithSource()
            return words
        }
        medicalWords = try list("medical_words")
        paths = try list("paths")
        hostEndings = try list("host_endings")
        textEndings = try list("text_endings")
        serveTargets = try list("serve_targets")
        try reader.finish()
    }
}
