// A finding back from its document: a chain says what a stage's command found in the stage's own words.

import Diagnostics
import Documents

extension Finding {
    /// Reads the document form; nil when it is none.
    ///
    /// The exit status of its code is that of the command that found it.
    package init?(_ document: JSONValue, exit: ExitStatus) {
        guard case .object(let object) = document, case .string(let level)? = object["level"],
            let level = Level(rawValue: level), case .string(let code)? = object["code"],
            case .string(let what)? = object["what"]
        else { return nil }
        self.init(level, DiagnosticCode(code, exit: exit), what)
        for member in object.members {
            guard case .string(let text) = member.value else { continue }
            switch member.key {
            case "level", "code", "what": continue
            case "expected": expected = text
            case "found": found = text
            case "cause": cause = text
            case "remedy": remedy = text
            default: subjects.append(Subject(label: member.key, value: text))
            }
        }
    }
}
