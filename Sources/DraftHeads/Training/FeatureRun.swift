// Makes a cache of hidden states: one pass of the target for each file, each file sealed and noted in the journal.

import Backends
import Checkpoints
import Diagnostics
import Documents
import ReferenceModel

/// What a finished cache is.
package struct FeatureResult: Sendable {
    package let record: FeatureRecord
    /// Tokens cached, and positions learnt among them.
    package let tokens: Int
    package let judged: Int
    /// Bytes of the same tokens in BF16 with a last state for each, unpacked.
    package let plainBytes: Int
    /// Files that an earlier run had sealed.
    package let resumed: Int
}

/// The making of one cache.
///
/// - Checked by: FeatureCacheTests.
package struct FeatureRun {
    package let plan: TrainingPlan
    package let output: OutputFolder
    private let pass: ForwardPass
    private let code: FeatureCode
    private let progress: any ProgressSink

    /// Tokens of one pass and so of one file, about.
    private static let fileTokens = 4096

    package init(
        plan: TrainingPlan, output: OutputFolder, pass: ForwardPass, code: FeatureCode,
        progress: any ProgressSink
    ) {
        self.plan = plan
        self.output = output
        self.pass = pass
        self.code = code
        self.progress = progress
    }

    /// The output folder of a cache.
    package static func output(_ path: String, policy: OutputFolder.Policy) -> OutputFolder {
        OutputFolder(
            path: path, policy: policy, marker: FeatureRecord.fileName, kind: "cache of hidden states")
    }

    /// What would stop the run later.
    package func check() -> [Finding] { output.check(input: plan.request.target, bytes: unpackedBytes) }

    /// Bytes of all states before packing.
    package var unpackedBytes: Int {
        plan.texts.texts.reduce(0) {
            $0 + CachedFeatures.bytes($1, code, plan.configuration.featureCount, width)
        }
    }

    private var width: Int { plan.configuration.targetHiddenSize }

    /// Texts of each file.
    private var groups: [Range<Int>] {
        var (groups, first, tokens) = ([Range<Int>](), 0, 0)
        for (index, text) in plan.texts.texts.enumerated() {
            if index > first, tokens + text.tokens.count > Self.fileTokens {
                groups.append(first..<index)
                (first, tokens) = (index, 0)
            }
            tokens += text.tokens.count
        }
        groups.append(first..<plan.texts.texts.count)
        return groups
    }

    /// Does the work and seals the output.
    ///
    /// - Parameter fileLimit: files to make before stopping as by a signal; nil for all of them.
    package func run(fileLimit: Int? = nil) throws(Failure) -> FeatureResult {
        var record = FeatureRecord(
            tool: plan.request.tool, targetDigest: plan.targetDigest, dataDigest: plan.texts.digest,
            length: plan.recipe.length, points: plan.configuration.auxiliaryPoints, code: code)
        let journal = try output.begin()
        let texts = plan.texts.texts
        let tokens = texts.reduce(0) { $0 + $1.tokens.count }
        progress.begin(stage: "features", total: tokens, unit: .tokens)
        defer { progress.end() }
        do throws(Failure) {
            let groups = self.groups
            record.files = try takeUp(journal, groups)
            let resumed = record.files.count
            progress.advance(groups[..<resumed].reduce(0) { $0 + count($1) })
            for (index, group) in groups.enumerated().dropFirst(resumed) {
                try StopFlag.check(isWriting: journal.hasUnits)
                if index == fileLimit {
                    throw Failure(
                        Finding(
                            .error, .stoppedBySignal, "stopped after some files",
                            remedy: "--resume goes on from here"))
                }
                record.files.append(try write(index, group, journal))
                progress.advance(count(group))
            }
            _ = try FileAccess.writeSealed(
                record.document.text() + "\n", to: joined(output.partial, FeatureRecord.fileName))
            try output.seal()
            return FeatureResult(
                record: record, tokens: tokens, judged: texts.reduce(0) { $0 + $1.judged.count },
                plainBytes: tokens * (plan.configuration.featureCount + 1) * width * 2, resumed: resumed)
        } catch {
            if !journal.hasUnits { output.discard() }
            throw error
        }
    }

    private func count(_ group: Range<Int>) -> Int {
        plan.texts.texts[group].reduce(0) { $0 + $1.tokens.count }
    }

    private func write(_ index: Int, _ group: Range<Int>, _ journal: Journal) throws(Failure)
        -> FeatureRecord.File
    {
        let texts = Array(plan.texts.texts[group])
        let tap = StateTap(plan.configuration.auxiliaryPoints, width)
        try pass.run(texts.map { TokenSequence($0.tokens) }, logits: .none, taps: [tap])
        guard let planes = BytePlanes(width: code.planeWidth) else { preconditionFailure("no such planes") }
        let writer = try SeekableWriter(
            path: joined(output.partial, FeatureRecord.name(index)), planes: planes)
        var first = 0
        for text in texts {
            var bytes: [UInt8] = []
            for token in first..<first + text.tokens.count {
                for state in tap.states { encode(state, row: token, into: &bytes) }
            }
            for position in text.judged { encode(tap.last, row: first + position, into: &bytes) }
            first += text.tokens.count
            try append(bytes, writer)
        }
        let sealed = try writer.seal()
        let file = FeatureRecord.File(texts: texts.count, bytes: sealed.bytes, digest: sealed.digest)
        try journal.append(
            unit: [
                "file": .integer(index + 1), "texts": .integer(file.texts), "bytes": .integer(file.bytes),
                "sha256": .string(file.digest),
            ])
        return file
    }

    private func encode(_ state: Matrix, row: Int, into bytes: inout [UInt8]) {
        state.values.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return }
            code.encode(base + row * width, rows: 1, width: width, into: &bytes)
        }
    }

    private func append(_ bytes: [UInt8], _ writer: SeekableWriter) throws(Failure) {
        let failure = bytes.withUnsafeBytes { bytes -> Failure? in
            do throws(Failure) {
                try writer.append(bytes)
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
    }

    /// Files that an earlier run of the same plan has sealed.
    private func takeUp(_ journal: Journal, _ groups: [Range<Int>]) throws(Failure) -> [FeatureRecord.File] {
        let digest = FileDigest.of(plan.digest + code.rawValue)
        let entries = try journal.units(
            ofPlan: digest, sameness: "the same target, data, profile, options and version of this program")
        var files: [FeatureRecord.File] = []
        for entry in entries {
            guard files.count < groups.count, case .object(let unit) = entry,
                case .string(let wanted)? = unit["sha256"],
                let sealed = try? digestFile(joined(output.partial, FeatureRecord.name(files.count))),
                sealed.digest == wanted
            else { break }
            files.append(
                FeatureRecord.File(
                    texts: groups[files.count].count, bytes: sealed.bytes, digest: sealed.digest))
        }
        return files
    }
}

/// Collects the states of a pass.
private final class StateTap: Taps {
    private(set) var states: [Matrix]
    private(set) var last = Matrix(rows: 0, columns: 0)
    private let points: [AuxiliaryPoint]

    init(_ points: [AuxiliaryPoint], _ width: Int) {
        self.points = points
        states = points.map { _ in Matrix(rows: 0, columns: width) }
    }

    func embedding(_ hidden: Matrix) { keep(hidden, after: nil) }

    func residual(_ hidden: Matrix, afterLayer layer: Int) { keep(hidden, after: layer) }

    func finalHidden(_ hidden: Matrix) { last = hidden }

    private func keep(_ hidden: Matrix, after layer: Int?) {
        for (index, point) in points.enumerated() where point.afterLayer == layer { states[index] = hidden }
    }
}
