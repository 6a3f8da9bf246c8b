// A running engine as commands name it.

import ArgumentParser
import Diagnostics
import Endpoints

/// Options of every command that asks a running engine.
struct EndpointOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A vLLM or SGLang that runs: http://HOST:PORT.", valueName: "url"))
    var endpoint: String?

    @Option(help: ArgumentHelp("The file that holds its key; else INGOT_API_KEY.", valueName: "file"))
    var apiKeyFile: String?

    @Option(help: ArgumentHelp("The name it serves the model under; needed when it serves several."))
    var model: String?

    func validate() throws {
        if endpoint == nil, apiKeyFile != nil || model != nil {
            throw ValidationError("--api-key-file and --model go with --endpoint")
        }
    }

    /// The client of the endpoint, and what listens there; nil when none was named.
    ///
    /// - Throws: END-001 to END-012.
    func open() throws(Failure) -> (client: EndpointClient, engine: EndpointDescription)? {
        guard let endpoint else { return nil }
        let address = try EndpointAddress(endpoint)
        let key: APIKey?
        if let apiKeyFile { key = try APIKey(file: apiKeyFile) } else { key = try APIKey.fromEnvironment() }
        let client = EndpointClient(address, key: key)
        return (client, try client.describe(model: model))
    }
}
