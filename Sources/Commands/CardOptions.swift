// What the card of a release says, apart from what follows from the checkpoint.

import ArgumentParser
import Diagnostics
import Documents
import Publishing

/// Options of the model card.
struct CardOptions: ParsableArguments {
    /// The title of these options in the help.
    static let sectionTitle = "Model card"

    @Option(help: ArgumentHelp("The heading of the card.", valueName: "text"))
    var title: String?

    @Option(help: ArgumentHelp("The language of the card.", valueName: "language"))
    var language: CardLanguageChoice = .en

    @Option(help: ArgumentHelp("A tag of the card. May be repeated.", valueName: "word"))
    var tag: [String] = []

    @Flag(help: "A medical model: the notice that it does not replace a doctor stands first.")
    var medical = false

    @Option(
        help: ArgumentHelp("The identifier of the licence; the base's by default.", valueName: "identifier"))
    var license: String?

    @Option(
        help: ArgumentHelp("The name of a licence of its own, with --license other.", valueName: "name"))
    var licenseName: String?

    @Option(help: ArgumentHelp("Where a licence of its own can be read.", valueName: "url"))
    var licenseLink: String?

    @Option(help: ArgumentHelp("The text of the licence.", valueName: "file"), completion: .file())
    var licenseFile: String?

    @Option(
        help: ArgumentHelp("The output of `ingot verify --json`.", valueName: "file"), completion: .record)
    var parity: String?

    @Option(
        help: ArgumentHelp("The output of `ingot shard plan --json`.", valueName: "file"),
        completion: .record)
    var topology: String?

    @Option(
        help: ArgumentHelp("The output of `ingot draft measure --json`.", valueName: "file"),
        completion: .record)
    var draft: String?

    @Option(
        help: ArgumentHelp("The benchmark of the accuracy, for .eval_results.", valueName: "owner/name:task"))
    var benchmark: String?

    @Option(
        help: ArgumentHelp(
            "A template, or for two languages a folder with en.md and zh.md.", valueName: "file"),
        completion: .file(extensions: ["md"]))
    var template: String?

    func validate() throws {
        if benchmark != nil, benchmarkParts == nil {
            throw ValidationError("--benchmark takes OWNER/NAME:TASK")
        }
    }

    private var benchmarkParts: (dataset: String, task: String)? {
        let parts = (benchmark ?? "").split(separator: ":").map(String.init)
        return parts.count == 2 ? (parts[0], parts[1]) : nil
    }

    /// Says it to a request.
    func fill(_ request: inout ReleaseRequest) {
        request.title = title
        request.languages = language.languages
        request.tags = tag
        request.isMedical = medical
        request.licence = license
        request.licenceName = licenseName
        request.licenceLink = licenseLink
        request.licenceFile = licenseFile
        request.parity = parity
        request.topology = topology
        request.draft = draft
        request.template = template
        request.benchmark = benchmarkParts
    }
}

/// The languages of a card.
enum CardLanguageChoice: String, ExpressibleByArgument, CaseIterable {
    case en, zh, both

    var languages: [CardLanguage] {
        switch self {
        case .en: [.english]
        case .zh: [.chinese]
        case .both: CardLanguage.allCases
        }
    }
}
