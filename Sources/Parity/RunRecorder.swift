// Writes what a checkpoint shows as a recorded run, so that another machine, or another day, can be compared
// with it. The layout is that of RecordedRun.swift. Tensors go to their places in the file as the pass makes them:
// no layer is kept.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import Documents
import Glibc
import ReferenceModel
import Tensors
import Tokenisation

/// Records one pass of a checkpoint over some texts.
///
/// - Checked by: RecordedRunTests.
package struct RunRecorder: Sendable {
    private let model: ModelSide
    private let rows: [TokenRow]

    package init(model: ModelSide, rows: [TokenRow]) {
        self.model = model
        self.rows = rows
    }

    /// Writes the folder, which must not be there yet; it appears under its name when it is whole.
    ///
    /// - Returns: bytes of the tensors' file.
    package func write(to folder: String, progress: any ProgressSink) throws(Failure) -> Int {
        guard FileAccess.kind(folder) == .nothing else {
            throw Failure(
                Finding(
                    .error, .recordingExists, "something stands where the recording would go", file: folder,
                    expected: "a name that is free", found: "a file or a folder",
                    remedy: "give another name, or remove it"))
        }
        let partial = folder + ".partial-\(getpid())"
        try FileAccess.createFolder(partial)
        do throws(Failure) {
            let bytes = try writeTensors(to: joined(partial, RecordedRun.written), progress)
            _ = try FileAccess.writeSealed(
                description.text() + "\n", to: joined(partial, RecordedRun.describing))
            try FileAccess.syncFolder(partial)
            try FileAccess.rename(partial, to: folder)
            return bytes
        } catch {
            try? FileAccess.remove(partial)
            throw error
        }
    }

    private var description: JSONValue {
        var cases = JSONObject()
        for row in rows { cases[row.name] = ["tokens": .array(row.tokens.map { .integer($0) })] }
        return [
            "checkpoint": .string(model.folder), "backend": .string(model.pass.backend.name),
            "numerics": .string(model.pass.backend.numerics.name), "cases": .object(cases),
        ]
    }

    private func writeTensors(to path: String, _ progress: any ProgressSink) throws(Failure) -> Int {
        let plan: (bytes: [UInt8], header: ShardHeader)
        let format = ShardHeader.Pair(key: "dtype", value: model.pass.backend.numerics.format.rawValue)
        do throws(HeaderError) {
            plan = try ShardHeader.written(tensors, metadata: ShardHeader.writtenMetadata + [format])
        } catch {
            throw Failure(error.finding(file: path))
        }
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileAccess.failure(.cannotCreate, path) }
        defer { close(descriptor) }
        progress.begin(stage: "record", totalBytes: plan.header.fileSize)
        defer { progress.end() }
        let places = Dictionary(
            plan.header.tensors.map { ($0.name, $0.dataRange.lowerBound) },
            uniquingKeysWith: { first, _ in first })
        let tap = RecordTap(
            descriptor, places, rows, vocabulary: model.configuration.vocabularySize, progress)
        plan.bytes.withUnsafeBytes { tap.write($0, at: 0) }
        for row in rows {
            row.tokens.map(Int64.init).withUnsafeBytes { tap.write($0, "\(row.name).tokens") }
        }
        let inverse = RotaryFrequencies.single(model.configuration, generation: .writtenFactor)
        inverse.withUnsafeBytes { tap.write($0, "rope.inv_freq") }
        let frequencies = RotaryFrequencies(configuration: model.configuration, generation: .writtenFactor)
        [Float(frequencies.attentionFactor)].withUnsafeBytes { tap.write($0, "rope.attention_scaling") }
        try model.pass.run(rows.map { TokenSequence($0.tokens) }, taps: [tap])
        try model.weights.checkUnchanged()
        if tap.errorNumber == nil, fsync(descriptor) != 0 { tap.errorNumber = errno }
        if let number = tap.errorNumber { throw FileAccess.failure(.writeFailed, path, errorNumber: number) }
        return plan.header.fileSize
    }

    /// Every tensor of the recording: integers first, whose places must be multiples of eight.
    private var tensors: [TensorDescription] {
        let configuration = model.configuration
        let h = configuration.hiddenSize
        var integers: [TensorDescription] = []
        var floats = [
            TensorDescription(
                name: "rope.inv_freq", dtype: .f32, shape: Shape([configuration.rotaryDimensions / 2])),
            TensorDescription(name: "rope.attention_scaling", dtype: .f32, shape: Shape([1])),
        ]
        for row in rows {
            let t = row.tokens.count
            func float(_ name: String, _ dimensions: [Int]) {
                floats.append(
                    TensorDescription(name: "\(row.name).\(name)", dtype: .f32, shape: Shape(dimensions)))
            }
            integers.append(
                TensorDescription(name: "\(row.name).tokens", dtype: .i64, shape: Shape([t])))
            float("embed", [t, h])
            for layer in 0..<configuration.layerCount {
                for part in ["attn", "mlp", "out"] { float("layer.\(layer).\(part)", [t, h]) }
                guard configuration.hasExperts(layer: layer) else { continue }
                let c = configuration.expertsPerToken
                integers.append(
                    TensorDescription(
                        name: "\(row.name).router.\(layer).idx", dtype: .i64, shape: Shape([t, c])))
                float("router.\(layer).weight", [t, c])
                float("router.\(layer).logits", [t, configuration.expertCount])
                float("router.\(layer).margin", [t])
            }
            float("final_norm", [t, h])
            float("logits", [t, configuration.vocabularySize])
        }
        return integers + floats
    }
}

/// Writes activations to their places.
private final class RecordTap: Taps {
    private let descriptor: Int32
    private let places: [String: Int]
    private let rows: [(name: String, range: Range<Int>)]
    private let vocabulary: Int
    private let progress: any ProgressSink
    var errorNumber: Int32?

    init(
        _ descriptor: Int32, _ places: [String: Int], _ texts: [TokenRow], vocabulary: Int,
        _ progress: any ProgressSink
    ) {
        self.descriptor = descriptor
        self.places = places
        self.vocabulary = vocabulary
        self.progress = progress
        var (rows, start) = ([(name: String, range: Range<Int>)](), 0)
        for text in texts {
            rows.append((text.name, start..<start + text.tokens.count))
            start += text.tokens.count
        }
        self.rows = rows
    }

    func embedding(_ hidden: Matrix) { write(hidden, "embed") }
    func attention(_ output: Matrix, layer: Int) { write(output, "layer.\(layer).attn") }
    func mlp(_ output: Matrix, layer: Int) { write(output, "layer.\(layer).mlp") }
    func residual(_ hidden: Matrix, afterLayer layer: Int) { write(hidden, "layer.\(layer).out") }
    func finalHidden(_ hidden: Matrix) { write(hidden, "final_norm") }

    func routes(_ routes: Routes, layer: Int) {
        write(routes.logits, "router.\(layer).logits")
        let c = routes.expertsPerToken
        for (name, range) in rows {
            let places = range.lowerBound * c..<range.upperBound * c
            routes.experts[places].map(Int64.init).withUnsafeBytes {
                write($0, "\(name).router.\(layer).idx")
            }
            Array(routes.weights[places]).withUnsafeBytes { write($0, "\(name).router.\(layer).weight") }
            Array(routes.margins[range]).withUnsafeBytes { write($0, "\(name).router.\(layer).margin") }
        }
    }

    func logits(_ values: Matrix, rows indices: [Int], columns: Range<Int>) {
        for (name, range) in rows {
            guard let place = places["\(name).logits"] else { continue }
            for row in range {
                Array(values.row(row)).withUnsafeBytes {
                    write($0, at: place + ((row - range.lowerBound) * vocabulary + columns.lowerBound) * 4)
                }
            }
        }
    }

    private func write(_ matrix: Matrix, _ suffix: String) {
        for (name, range) in rows {
            matrix.values.withUnsafeBytes { bytes in
                let width = matrix.columns * 4
                write(
                    UnsafeRawBufferPointer(
                        rebasing: bytes[range.lowerBound * width..<range.upperBound * width]),
                    "\(name).\(suffix)")
            }
        }
    }

    /// Writes a tensor; one that has no place is none of the recording's.
    func write(_ bytes: UnsafeRawBufferPointer, _ name: String) {
        if let place = places[name] { write(bytes, at: place) }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at place: Int) {
        var done = 0
        while done < bytes.count, errorNumber == nil {
            let count = pwrite(
                descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(place + done))
            if count < 0, errno != EINTR { errorNumber = errno }
            if count > 0 { done += count }
        }
        progress.advance(bytes: bytes.count)
    }
}
