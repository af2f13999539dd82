import { useEffect, useState } from "preact/hooks";
import { useSpeech } from "./speech";

/** Age says how long ago what is shown was read, and goes on counting; at is the wall time of that, ms. */
export function Age({ at }: { at: number }) {
  const { shared, format } = useSpeech();
  const [now, tick] = useState(() => Date.now());
  useEffect(() => {
    tick(Date.now());
    const again = setInterval(() => tick(Date.now()), 1000);
    return () => clearInterval(again);
  }, [at]);
  return <>{shared.figure.read(format.seconds(Math.max(0, now - at) / 1000))}</>;
}
