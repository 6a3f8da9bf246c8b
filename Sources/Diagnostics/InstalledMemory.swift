// The memory of the machine.

import Glibc

/// Bytes of memory that the machine has.
package func installedMemoryBytes() -> Int {
    max(0, sysconf(Int32(_SC_PHYS_PAGES))) * max(0, sysconf(Int32(_SC_PAGESIZE)))
}
