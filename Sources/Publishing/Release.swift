// A folder that is to be published, opened once for all checks: its entries, its card, its weights as validate
// judges them, and what its base was.

import Architectures
import Checkpoints
import Diagnostics
import Documents

/// An opened release folder.
package struct Release: Sendable {
    package let folder: String
    package let listing: ReleaseListing
    /// Nil when its weights cannot be opened; then `openFindings` says why.
    package let judged: JudgedCheckpoint?
    let openFindings: [Finding]
    package let config: JSONObject?
    package let card: FrontMatter?
    let cardFault: FrontMatter.Fault?
    /// The files of the base model, by name: SHA-256.
    package let base: BaseFiles?
    /// release.json, when the folder has one that can be read.
    package let manifest: ReleaseManifest?
    let manifestFindings: [Finding]

    static let cardName = "README.md"

    /// - Parameter base: the folder of the base model, to compare code and tokenizer with.
    package init(_ folder: String, base: String? = nil) throws(Failure) {
        self.folder = folder
        listing = try ReleaseListing(folder)
        guard !listing.entries.isEmpty else {
            throw Failure(
                Finding(
                    .error, .releaseFileMissing, "the folder is empty", file: folder,
                    expected: "a model folder", found: "no files", remedy: "check the path"))
        }
        do throws(Failure) {
            judged = try JudgedCheckpoint(folder)
            openFindings = []
        } catch {
            judged = nil
            openFindings = error.findings
        }
        let text = listing.text("config.json")
        if let text, case .object(let object)? = try? JSONValue(parsing: Array(text.utf8)) {
            config = object
        } else {
            config = nil
        }
        var card: FrontMatter?
        var fault: FrontMatter.Fault?
        if let text = listing.text(Self.cardName) {
            do throws(FrontMatter.Fault) { card = try FrontMatter(text) } catch { fault = error }
        }
        self.card = card
        cardFault = fault
        var manifest: ReleaseManifest?
        var manifestFindings: [Finding] = []
        if listing.has(ReleaseManifest.fileName) {
            do throws(Failure) { manifest = try ReleaseManifest.read(folder) } catch {
                manifestFindings = error.findings
            }
        }
        self.manifest = manifest
        self.manifestFindings = manifestFindings
        self.base = try base.map { (path) throws(Failure) in try BaseFiles(folder: path) } ?? manifest?.base
    }

    /// Whether weights are quantised, by config or headers.
    var isQuantised: Bool {
        if config?["quantization_config"] != nil { return true }
        guard let checkpoint = judged?.checkpoint else { return false }
        return checkpoint.shards.contains { shard in shard.header.tensors.contains { $0.dtype.isCode } }
    }

    /// The hubs the folder is made for, as far as it shows.
    package var hubs: [Hub] {
        let isForModelScope =
            listing.has("configuration.json") || card?.values["tasks"] != nil
            || card?.values["frameworks"] != nil
        return isForModelScope ? Hub.allCases : [.huggingFace]
    }
}

/// What is known of the base model's files.
package struct BaseFiles: Sendable, Equatable {
    /// OWNER/NAME on a hub; nil when only a folder is known.
    package var model: String?
    package var revision: String?
    /// The licence its card names.
    package var licence: String?
    /// SHA-256 by name, of every file that travels unchanged, and of shards where they were read.
    package var files: [String: String]

    package init(model: String?, revision: String?, licence: String?, files: [String: String]) {
        self.model = model
        self.revision = revision
        self.licence = licence
        self.files = files
    }

    /// Digests the small files of a folder; shards are not read.
    package init(folder: String) throws(Failure) {
        var files: [String: String] = [:]
        let listing = try ReleaseListing(folder)
        for entry in listing.entries where entry.isAtTop && BaseFiles.travels(entry.name) {
            guard FileAccess.kind(listing.path(of: entry.path)) == .file else { continue }
            files[entry.name] = try digestFile(listing.path(of: entry.path)).digest
        }
        var licence: String?
        if let text = listing.text(Release.cardName), let card = try? FrontMatter(text) {
            licence = card.text("license")
        }
        self.init(model: nil, revision: nil, licence: licence, files: files)
    }

    /// Files that must be the base's byte for byte.
    static func travels(_ name: String) -> Bool { isCode(name) || isTokeniser(name) || isLicence(name) }

    static func isCode(_ name: String) -> Bool { name.hasSuffix(".py") }

    /// - Source: transformers 4.56 tokenization_utils_base.py and tokenization_utils_fast.py: the files a
    ///   tokenizer is saved as.
    static func isTokeniser(_ name: String) -> Bool {
        [
            "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
            "vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja", "chat_template.json",
        ].contains(name)
    }

    static func isLicence(_ name: String) -> Bool {
        ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "NOTICE"].contains(name)
    }
}
