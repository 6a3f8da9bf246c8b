// The program: everything is in Commands.

import Commands

@main
struct Main {
    static func main() { Ingot.run() }
}
