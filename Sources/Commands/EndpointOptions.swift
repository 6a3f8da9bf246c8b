// A running engine as commands name it.

import ArgumentParser
import Diagnostics
import Endpoints

/// Options of every command that asks a running engine.
struct EndpointOptions: ParsableArguments {
    /// The title of these options in the help.
    static let title = "A running engine"

    @Option(help: ArgumentHelp("A vLLM or SGLang that runs: http://HOST:PORT.", valueName: "url"))
    var endpoint: String?

    @Option(
        help: ArgumentHelp("The file that holds its key; else INGOT_API_KEY.", valueName: "file"),
        completion: .file())
    var apiKeyFile: String?

    @Option(
        help: ArgumentHelp(
            "The name it serves the model under; needed when it serves several.", valueName: "name"))
    var model: String?

    /// The client of an endpoint, and what listens there.
    ///
    /// - Throws: END-001 to END-012.
    func open(_ url: String) throws(Failure) -> (client: EndpointClient, engine: EndpointDescription) {
        let address = try EndpointAddress(url)
        let key: APIKey?
        if let apiKeyFile { key = try APIKey(file: apiKeyFile) } else { key = try APIKey.fromEnvironment() }
        let client = EndpointClient(address, key: key)
        return (client, try client.describe(model: model))
    }
}
