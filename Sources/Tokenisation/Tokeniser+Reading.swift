// Reads tokenizer.json. What Ingot carries out is read; anything else is refused by name, because a
// tokeniser that does almost the same gives other ids without a word.

import Checkpoints
import Diagnostics
import Documents

extension Tokeniser {
    /// The largest tokenizer.json read, in bytes; Ling-flash-2.0's has 7.7 MB.
    package static let sizeLimit = 1 << 28

    /// Reads tokenizer.json of a checkpoint folder.
    package init(folder: String) throws(Failure) { try self.init(file: folder + "/tokenizer.json") }

    /// Reads a tokenizer.json.
    ///
    /// - Throws: every finding, at least one of them an error.
    package init(file: String) throws(Failure) {
        try self.init(parsing: FileAccess.read(file, limit: Self.sizeLimit), file: file)
    }

    /// Reads the bytes of a tokenizer.json; `file` is for findings.
    package init(parsing bytes: [UInt8], file: String) throws(Failure) {
        let document: JSONValue
        do { document = try JSONValue(parsing: bytes) } catch {
            throw Failure(Finding(error, code: .tokeniserMalformed, file: file))
        }
        var reading = TokeniserReading(file: file)
        let tokeniser = reading.read(document)
        guard let tokeniser, !reading.findings.hasErrors else { throw Failure(reading.findings.findings) }
        self = tokeniser
    }
}

/// Reads the parts of tokenizer.json and collects what is wrong with each.
struct TokeniserReading {
    let file: String
    var findings = FindingCollector()

    init(file: String) { self.file = file }

    /// The tokeniser; nil, with findings, when it cannot be made.
    mutating func read(_ document: JSONValue) -> Tokeniser? {
        guard let top = attempt({ _ in try StrictReader(document) }) else { return nil }
        if top.has("version") {
            attempt { reading in
                let version = try top.string("version")
                if version != "1.0" { reading.refuse("version", "\"1.0\"", "\"\(version)\"") }
            }
        }
        for key in ["truncation", "padding"] where top.has(key) {
            findings.add(
                Finding(
                    .warning, .tokeniserKeyIgnored, "a setting of the library is passed over", file: file,
                    field: key, expected: "null", found: "a setting",
                    remedy: "none needed: engines set their own"))
        }
        attempt { try $0.checkNormaliser(top.value("normalizer") ?? .null, "normalizer") }
        attempt { try $0.checkPreTokeniser(top.object("pre_tokenizer")) }
        attempt { try $0.checkPostProcessor(top.value("post_processor") ?? .null, "post_processor") }
        attempt { try $0.checkDecoder(top.object("decoder")) }
        guard let modelReader = attempt({ _ in try top.object("model") }),
            let model = attempt({ try $0.readModel(modelReader) })
        else { return nil }
        var vocabulary = model.vocabulary
        let added =
            attempt { reading in
                top.has("added_tokens")
                    ? try reading.readAddedTokens(top.objects("added_tokens"), &vocabulary) : []
            } ?? []
        noteUnread(top)
        guard !findings.hasErrors else { return nil }
        return Tokeniser(
            vocabulary: vocabulary, merges: model.merges, ignoresMerges: model.ignoresMerges,
            byteIds: model.byteIds, wholeWords: model.wholeWords, addedTokens: added,
            findings: findings.findings)
    }

    // MARK: Parts without state

    /// A normaliser changes the text; only none at all is carried out.
    private mutating func checkNormaliser(_ value: JSONValue, _ path: String) throws {
        if value == .null { return }
        let reader = try StrictReader(value, path: path)
        let type = try reader.string("type")
        if type == "Sequence", try reader.objects("normalizers").isEmpty { return }
        refuse(path, "null", type)
    }

    /// The bytes of the tokens, joined.
    private mutating func checkDecoder(_ reader: StrictReader) throws {
        let type = try reader.string("type")
        if type != "ByteLevel" { refuse("decoder", "ByteLevel", type) }
    }

    /// Nothing may be added to what was encoded.
    private mutating func checkPostProcessor(_ value: JSONValue, _ path: String) throws {
        if value == .null { return }
        let reader = try StrictReader(value, path: path)
        switch try reader.string("type") {
        case "ByteLevel": break
        case "Sequence":
            guard case .array(let processors) = try reader.required("processors") else {
                throw reader.mismatch("processors", "an array of objects")
            }
            for (index, processor) in processors.enumerated() {
                try checkPostProcessor(processor, "\(path).processors[\(index)]")
            }
        case "TemplateProcessing":
            for piece in try reader.objects("single") where piece.value("SpecialToken") != nil {
                refuse("\(path).single", "the sequence alone", "special tokens around it")
            }
        case let type: refuse(path, "null, ByteLevel or a TemplateProcessing that adds nothing", type)
        }
    }

    // MARK: Findings

    /// Runs a part of the reading; its error becomes a finding and the other parts go on.
    @discardableResult
    mutating func attempt<Value>(_ body: (inout TokeniserReading) throws -> Value) -> Value? {
        do { return try body(&self) } catch let error as DocumentError {
            findings.add(Finding(error, code: .tokeniserMalformed, file: file))
        } catch let error as Failure {
            findings.add(error.findings)
        } catch {
            findings.add(Finding(.error, .tokeniserMalformed, "\(error)", file: file))
        }
        return nil
    }

    /// Adds the error for a part or an option that is not carried out.
    mutating func refuse(
        _ field: String, _ expected: String, _ found: String, code: DiagnosticCode = .tokeniserPartUnknown
    ) {
        findings.add(
            Finding(
                .error, code, "this part of the tokeniser is not one that Ingot carries out", file: file,
                field: field, expected: expected, found: found,
                remedy: "use the tokenizer.json of a checkpoint of the Ling 2.0 family"))
    }

    /// Warns of members that the library passes over as well.
    mutating func noteUnread(_ reader: StrictReader) {
        for key in reader.unread {
            findings.add(
                Finding(
                    .warning, .tokeniserKeyIgnored, "this key means nothing to readers of this file",
                    file: file, field: reader.path.isEmpty ? key : "\(reader.path).\(key)",
                    found: "\"\(key)\""))
        }
    }
}
