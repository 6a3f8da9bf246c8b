// What can be put right without touching a weight: the index's totals, rules and configuration files, end tokens,
// missing keys of the front matter, a config's trace of somebody's disk, and last the list of digests.

import Architectures
import Checkpoints
import Diagnostics
import Documents

/// Mends a release folder in place, one file after the other, each written beside and renamed.
package struct ReleaseFix {
    private let release: Release
    private let hubs: [(hub: Hub, profile: HubProfile)]
    /// Codes that the check found.
    private let codes: Set<String>
    private var fixed: [String] = []

    private init(_ release: Release, _ report: ReleaseReport) throws(Failure) {
        self.release = release
        var hubs: [(hub: Hub, profile: HubProfile)] = []
        for hub in report.hubs { hubs.append((hub, try HubProfile.read(hub))) }
        self.hubs = hubs
        codes = Set(report.findings.map(\.code.name))
    }

    /// Mends what a report found and says what was done, a line each.
    package static func run(_ folder: String, _ report: ReleaseReport, base: String?) throws(Failure)
        -> [String]
    {
        var fix = try ReleaseFix(Release(folder, base: base), report)
        try fix.mend()
        return fix.fixed
    }

    private func found(_ code: DiagnosticCode) -> Bool { codes.contains(code.name) }

    private mutating func mend() throws(Failure) {
        if found(.attributesMissing) || found(.attributesHideText) || found(.attributesMissLarge) {
            try attributes()
        }
        if found(.configurationMissing) || found(.configurationMalformed) {
            let configuration: JSONValue = ["framework": "pytorch", "task": "text-generation"]
            try write(configuration.text() + "\n", "configuration.json", "framework and task")
        }
        if found(.totalSizeMissing) || found(.parameterCountWrong) || codes.contains("CKPT-070"),
            let checkpoint = release.judged?.checkpoint, checkpoint.hasIndex
        {
            let index = CheckpointIndex(of: checkpoint.shards.map { ($0.name, $0.header) })
            try write(index.text, CheckpointIndex.fileName, "totals counted from the headers")
        }
        try config()
        if codes.contains("ARCH-014") || codes.contains("ARCH-015") { try endTokens() }
        try frontMatter()
        if release.listing.has(ReleaseSums.fileName),
            !fixed.isEmpty || found(.sumsMalformed) || found(.sumsIncomplete)
        {
            try sums()
        }
        if !fixed.isEmpty, release.listing.has(ModelSignature.fileName) {
            try FileAccess.remove(release.listing.path(of: ModelSignature.fileName))
            fixed.append(
                "\(ModelSignature.fileName): removed, since it signed other bytes; sign the release anew")
        }
    }

    private mutating func write(_ text: String, _ name: String, _ what: String) throws(Failure) {
        _ = try FileAccess.writeSealed(text, to: release.listing.path(of: name))
        fixed.append("\(name): \(what)")
    }

    private mutating func attributes() throws(Failure) {
        let profiles = hubs.map(\.profile)
        let standard = GitAttributes(GitAttributes.text(profiles))
        let inline = profiles.map(\.inlineBytes).max() ?? Int.max
        let never = Set(profiles.flatMap(\.neverLarge))
        let more = release.listing.files.filter {
            $0.size > inline && !never.contains($0.name) && !standard.isLarge($0.path)
        }.map(\.path)
        try write(GitAttributes.text(profiles, large: more), GitAttributes.fileName, "rules written anew")
    }

    private mutating func config() throws(Failure) {
        guard var config = release.config else { return }
        var changes: [String] = []
        if found(.absolutePath), case .string(let path)? = config["_name_or_path"], path.hasPrefix("/") {
            config["_name_or_path"] = nil
            changes.append("_name_or_path removed")
        }
        if found(.scaleKindUnsaid), release.judged?.audit?.kind == .powersOfTwo,
            case .object(var quantisation)? = config["quantization_config"]
        {
            quantisation["scale_fmt"] = "ue8m0"
            config["quantization_config"] = .object(quantisation)
            changes.append("scale_fmt ue8m0")
        }
        guard !changes.isEmpty else { return }
        try write(JSONValue.object(config).text() + "\n", "config.json", changes.joined(separator: ", "))
    }

    /// The end ids of config.json and the token that ends a turn, in generation_config.json.
    private mutating func endTokens() throws(Failure) {
        let name = "generation_config.json"
        guard let text = release.listing.text(name), let checkpoint = release.judged?.checkpoint,
            case .object(var object)? = try? JSONValue(parsing: Array(text.utf8)),
            let configuration = release.judged?.judgement.configuration
        else { return }
        let sidecars = Sidecars.read(checkpoint).sidecars
        var ids = Self.ids(object["eos_token_id"])
        for id in configuration.endTokenIds + (sidecars.turnEndId.map { [$0] } ?? []) where !ids.contains(id)
        {
            ids.append(id)
        }
        guard ids != Self.ids(object["eos_token_id"]) else { return }
        object["eos_token_id"] = .array(ids.map { .integer($0) })
        try write(JSONValue.object(object).text() + "\n", name, "eos_token_id \(ids)")
    }

    private static func ids(_ value: JSONValue?) -> [Int] {
        switch value {
        case .number(let number)?: number.integer.map { [$0] } ?? []
        case .array(let list)?:
            list.compactMap { if case .number(let number) = $0 { number.integer } else { nil } }
        default: []
        }
    }

    /// Keys whose value follows from the weights, where they are missing or unknown.
    private mutating func frontMatter() throws(Failure) {
        guard var card = release.card else { return }
        let before = card.values
        func set(_ key: String, _ value: JSONValue, _ code: DiagnosticCode) {
            if card.values[key] == nil || codes.contains(code.name) { card.values[key] = value }
        }
        set("library_name", "transformers", .libraryUnknown)
        set("pipeline_tag", "text-generation", .pipelineTagUnknown)
        if release.isQuantised { set("base_model_relation", "quantized", .relationWrong) }
        if hubs.contains(where: { $0.hub == .modelScope }) {
            set("tasks", ["text-generation"], .taskUnknown)
            set("frameworks", ["pytorch"], .frameworkUnknown)
        }
        guard card.values != before else { return }
        let changed = card.values.keys.filter { card.values[$0] != before[$0] }
        try write(
            FrontMatter.render(card.values, body: card.body), Release.cardName,
            "front matter: " + changed.joined(separator: ", "))
    }

    private mutating func sums() throws(Failure) {
        let listing = try ReleaseListing(release.folder)
        var digests: [String: String] = [:]
        for entry in listing.files where !ReleaseSums.unlisted.contains(entry.path) {
            digests[entry.path] = try digestFile(listing.path(of: entry.path)).digest
        }
        try write(ReleaseSums(digests).text, ReleaseSums.fileName, "digests taken anew")
    }
}
