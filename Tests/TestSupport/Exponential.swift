// exp and log under names that no matrix method shadows.

import Foundation

package func exponential(_ value: Double) -> Double { exp(value) }
package func logarithm(_ value: Double) -> Double { log(value) }
