// From the words of the command line to a request.

import Architectures
import Diagnostics
import Documents
import Quantisation

extension QuantisationRequest {
    /// A request and what its target has to say about it.
    static func make(
        scheme name: String, target: String?, keep: [String], inventory: TensorInventory
    ) throws(Failure) -> (request: QuantisationRequest, findings: [Finding]) {
        let scheme = try SchemeLibrary.scheme(name)
        var adaptations: [Adaptation] = []
        for word in keep {
            guard let role = TensorRole(name: word), scheme.quantised.contains(role) else {
                let names = TensorRole.allCases.filter(scheme.quantised.contains).map(\.name)
                throw Failure(
                    Finding(
                        .error, .unknownRole, "no quantised role of this name", option: "--keep \(word)",
                        expected: names.joined(separator: ", "),
                        remedy: nearMiss(word, among: names).map { "did you mean --keep \($0)?" }))
            }
            adaptations.append(
                Adaptation(.keep(role), reason: "\(role.title) stays as it is: asked for by --keep"))
        }
        return (QuantisationRequest(scheme: scheme, target: target, adaptations: adaptations), [])
    }
}
