// Rows of a data file in the tokens of a checkpoint.

import Diagnostics
import Parity
import Tokenisation

extension TokenRow {
    /// Reads a file with the tokenizer of a folder; rows of tokens need none, rows without any are left out.
    static func read(_ file: String, folder: String) throws(Failure) -> [TokenRow] {
        var encoder: SampleEncoder?
        var rows: [TokenRow] = []
        for row in try SampleRow.read(file) {
            if case .tokens(let tokens) = row.content {
                rows.append(TokenRow(name: row.name, tokens: tokens))
                continue
            }
            if encoder == nil { encoder = try SampleEncoder(folder: folder) }
            if let tokens = try encoder?.tokens(row), !tokens.isEmpty {
                rows.append(TokenRow(name: row.name, tokens: tokens))
            }
        }
        return rows
    }

    /// Whole rows up to a number of tokens, the last one cut.
    static func cut(_ rows: [TokenRow], to limit: Int) -> [TokenRow] {
        var (result, used) = ([TokenRow](), 0)
        for row in rows where used < limit {
            let tokens = Array(row.tokens.prefix(limit - used))
            result.append(TokenRow(name: row.name, tokens: tokens))
            used += tokens.count
        }
        return result
    }

    /// Stops where nothing is left to run over: a pass takes one token at least.
    static func requireText(_ rows: [TokenRow], file: String?) throws(Failure) {
        guard rows.isEmpty else { return }
        throw Failure(
            Finding(
                .error, .dataRowMalformed, "there is no text to run over", file: file,
                expected: "a row of at least one token", found: "none"))
    }

    /// Stops where a token is not in the vocabulary.
    static func check(_ rows: [TokenRow], vocabulary: Int, file: String?) throws(Failure) {
        for row in rows {
            guard let id = row.tokens.first(where: { $0 >= vocabulary }) else { continue }
            throw Failure(
                Finding(
                    .error, .dataRowMalformed, "a token is not in the vocabulary of the model",
                    file: file, field: row.name, expected: "ids below \(vocabulary)", found: "\(id)",
                    remedy: "use the tokenizer that came with this checkpoint"))
        }
    }
}
