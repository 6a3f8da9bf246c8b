// The two things that are compared: each a checkpoint that runs here, a run that was recorded, or a server.

import Architectures
import Diagnostics
import Tokenisation

/// One side of a comparison.
package enum ParitySide: Sendable {
    case model(ModelSide)
    case recorded(RecordedRun)
    case server(ServerSide)

    /// The path as it was given.
    package var path: String {
        switch self {
        case .model(let model): model.folder
        case .recorded(let recording): recording.path
        case .server(let server): "\(server.client.address)"
        }
    }

    package var model: ModelSide? { if case .model(let model) = self { model } else { nil } }

    package var recording: RecordedRun? { if case .recorded(let run) = self { run } else { nil } }

    package var server: ServerSide? { if case .server(let server) = self { server } else { nil } }

    /// A sentence about it for reports.
    package var title: String {
        switch self {
        case .model(let model):
            "checkpoint, \(model.pass.backend.name) backend, \(model.pass.backend.numerics.name) numerics"
        case .recorded(let run): "recorded run of \(grouped(run.cases.count)) texts"
        case .server(let server):
            "\(server.engine.engine.rawValue)\(server.engine.version.map { " \($0)" } ?? "") serving "
                + server.engine.model
        }
    }

    /// Bytes that one pass reads, about; 0 for a recording.
    var passBytes: Int { model?.weights.checkpoint.dataBytes ?? 0 }

    /// Shows one batch.
    func play(_ rows: [TokenRow], predicting: Bool, into queue: EventQueue) throws(Failure) {
        switch self {
        case .model(let model): try model.play(rows, predicting: predicting, into: queue)
        case .recorded(let run):
            let cases = Dictionary(run.cases.map { ($0.name, $0) }) { first, _ in first }
            // In the order of the rows: the other side plays them so.
            try run.play(rows.compactMap { cases[$0.name] }, into: queue)
        case .server: preconditionFailure("a server shows no activations")
        }
    }
}

extension RecordedRun {
    /// The recorded texts.
    package var rows: [TokenRow] { cases.map { TokenRow(name: $0.name, tokens: $0.tokens) } }
}
