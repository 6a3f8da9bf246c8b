// What a shell offers after an option: files of a kind, and the names of profiles, roles and codes. Folders are
// the parser's own `.directory`, values of enumerations it finds itself.

import Architectures
import ArgumentParser
import Backends
import Calibration
import Checkpoints
import Documents
import DraftHeads
import Parity
import Quantisation
import Workbench

extension CompletionKind {
    /// Rows of conversations, text or tokens.
    static let rows = CompletionKind.file(extensions: ["jsonl"])
    /// A report to write.
    static let page = CompletionKind.file(extensions: ["html"])
    /// A record that another command wrote or will read.
    static let record = CompletionKind.file(extensions: ["json"])

    /// Every engine with every device that it runs on.
    static let targets = CompletionKind.list((try? Target.names(.embedded)) ?? [])
    static let engines = CompletionKind.list(ProfileLibrary.embedded.names(in: "engines"))
    static let devices = CompletionKind.list(ProfileLibrary.embedded.names(in: "devices"))
    static let schemes = CompletionKind.list(SchemeLibrary.names)
    /// The program's own recipes by name, and files.
    static let recipes = CompletionKind.custom { _, _, word in
        let folder = word.lastIndex(of: "/").map { String(word[...$0]) } ?? ""
        let names = (try? FileAccess.names(in: folder.isEmpty ? "." : folder)) ?? []
        let files = names.compactMap { name -> String? in
            let path = folder + name
            if FileAccess.kind(path) == .folder { return path + "/" }
            return name.hasSuffix(".json") ? path : nil
        }
        return Recipe.names + files
    }
    static let drafts = CompletionKind.list(ProfileLibrary.embedded.names(in: "drafts"))
    static let tolerances = CompletionKind.list(Tolerance.names(.embedded))
    static let numerics = CompletionKind.list(NumericsProfile.names())
    static let backends = CompletionKind.list(BackendChoice.allCases.map(\.rawValue))
    static let searches = CompletionKind.list(ScaleSearch.allCases.map(\.rawValue))
    static let observers = CompletionKind.list(Observer.allCases.map(\.rawValue))
    static let checks = CompletionKind.list(ParityCheck.allCases.map(\.rawValue))
    /// Roles that a scheme may quantise.
    static let roles = CompletionKind.list(TensorRole.allCases.filter(\.isQuantisable).map(\.name))
    static let codes = CompletionKind.list(Explain.pages.map(\.code))
    static let profiles = CompletionKind.list(Profiles.names)
}
