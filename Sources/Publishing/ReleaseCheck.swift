// ingot publish check: every rule over one folder, collected, and one line that says whether it can go up.

import Architectures
import Checkpoints
import Diagnostics
import Documents

/// What the checks of a release found.
package struct ReleaseReport: Sendable {
    package static let schema = 1

    package let folder: String
    package let hubs: [Hub]
    package let isDeep: Bool
    package let findings: [Finding]
    package let parameters: Int?
    package let files: Int
    package let bytes: Int
    /// What was mended, a line each.
    package var fixed: [String] = []

    package var passes: Bool { !findings.contains { $0.level == .error } }
    package var exit: ExitStatus { passes ? .done : .refused }

    private func count(_ level: Finding.Level) -> Int { findings.count { $0.level == level } }

    package var verdict: String {
        let place = hubs.map(\.rawValue).joined(separator: " and ")
        let what =
            "\(grouped(files)) files, \(byteCount(bytes))"
            + (parameters.map { ", \(grouped($0)) parameters" } ?? "")
        guard passes else {
            return "not ready for \(place): \(grouped(count(.error))) error\(count(.error) == 1 ? "" : "s"), "
                + "\(grouped(count(.warning))) warning\(count(.warning) == 1 ? "" : "s"); \(what)"
        }
        let remarks = count(.warning) > 0 ? ", \(grouped(count(.warning))) warnings" : ""
        return "ready for \(place): \(what)\(isDeep ? "" : ", data not read")\(remarks)"
    }

    package var text: String { (fixed.map { "fixed: \($0)" } + [verdict]).joined(separator: "\n") }

    package var document: JSONValue {
        [
            "schema": .integer(Self.schema), "folder": .string(folder),
            "hubs": .array(hubs.map { .string($0.rawValue) }), "ready": .bool(passes),
            "verdict": .string(verdict), "data_read": .bool(isDeep),
            "parameters": parameters.map { .integer($0) } ?? .null, "files": .integer(files),
            "bytes": .integer(bytes), "fixed": .array(fixed.map(JSONValue.string)),
            "counts": [
                "error": .integer(count(.error)), "warning": .integer(count(.warning)),
                "note": .integer(count(.note)),
            ],
            "findings": .array(findings.map(\.document)),
        ]
    }
}

/// The lint of a release folder.
///
/// - Checked by: ReleaseCheckTests.
package struct ReleaseCheck {
    /// Nil is what the folder shows itself to be made for.
    package var hubs: [Hub]?
    /// Whether every byte is read.
    package var isDeep: Bool
    /// The folder of the base model.
    package var base: String?
    package var progress: any ProgressSink

    package init(hubs: [Hub]? = nil, isDeep: Bool = true, base: String? = nil, progress: any ProgressSink) {
        self.hubs = hubs
        self.isDeep = isDeep
        self.base = base
        self.progress = progress
    }

    /// Runs every check over a folder.
    package func run(_ folder: String) throws(Failure) -> ReleaseReport {
        try run(Release(folder, base: base))
    }

    package func run(_ release: Release) throws(Failure) -> ReleaseReport {
        let hubs = hubs ?? release.hubs
        var profiles: [(hub: Hub, profile: HubProfile)] = []
        for hub in hubs { profiles.append((hub, try HubProfile.read(hub))) }
        let card = try CardProfile.read()
        var findings = InventoryCheck(release: release, hubs: profiles.map(\.profile), profile: card)
            .findings()
        findings += GitAttributesCheck(listing: release.listing, hubs: profiles.map(\.profile)).findings()
        findings += release.cardFindings
        if let head = release.card {
            findings += FrontMatterCheck(card: head, isQuantised: release.isQuantised, hubs: profiles)
                .findings()
        }
        findings += ConfigurationCheck(listing: release.listing, hubs: profiles).findings()
        if let subject = release.cardSubject {
            findings += CardCheck(subject: subject, profile: card).findings()
        }
        if let base, let configuration = release.judged?.judgement.configuration {
            findings += try BaseConfigurationCheck(configuration: configuration, base: base).findings()
        }
        findings += CodeCheck(release: release).findings()
        findings += WeightCheck(release: release).findings()
        findings += TextFiles(listing: release.listing, profile: card).findings()
        findings += try RecordCheck(release: release, deep: isDeep, progress: progress).findings()
        let files = release.listing.files
        return ReleaseReport(
            folder: release.folder, hubs: hubs, isDeep: isDeep,
            findings: Self.unique(findings), parameters: release.judged?.judgement.found.parameterCount,
            files: files.count, bytes: files.reduce(0) { $0 + $1.size })
    }

    /// A file that two checks read is complained of once.
    private static func unique(_ findings: [Finding]) -> [Finding] {
        var seen: [Finding] = []
        for finding in findings where !seen.contains(finding) { seen.append(finding) }
        return seen
    }
}
