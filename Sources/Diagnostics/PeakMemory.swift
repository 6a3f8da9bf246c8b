// The most memory this process has held at once, as the kernel counted it.

import Glibc

/// Peak resident memory, bytes; nil where the kernel does not say.
///
/// From `/proc/self/status`, not `getrusage`: that one also counts what the parent held before it started us.
package func peakResidentBytes() -> Int? {
    guard let file = fopen("/proc/self/status", "re") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard text.hasPrefix("VmHWM:") else { continue }
        // VmHWM:     41552 kB
        return text.split(whereSeparator: { $0 == " " || $0 == "\t" }).compactMap { Int($0) }.first.map {
            $0 * 1024
        }
    }
    return nil
}
