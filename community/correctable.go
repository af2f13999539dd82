package community

import "time"

// CorrectionDeadline is how long after delivery late readings still cause a run. What is
// missing then is substituted for good.
func CorrectionDeadline() time.Duration { return correctable }
