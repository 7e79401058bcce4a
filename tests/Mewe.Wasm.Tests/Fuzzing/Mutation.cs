namespace Mewe.Wasm.Tests.Fuzzing;

/// <summary>Small random damage to the bytes of a module.</summary>
internal static class Mutation
{
    /// <summary>How many times longer than usual fuzz tests run: MEWE_FUZZ_FACTOR, for a long search; another factor is another sequence.</summary>
    public static int Factor { get; } = int.TryParse(Environment.GetEnvironmentVariable("MEWE_FUZZ_FACTOR"), out var factor) ? factor : 1;

    public static byte[] Apply(byte[] seed, Random random)
    {
        var bytes = seed.ToList();
        for (var left = 1 + random.Next(3); left > 0 && bytes.Count > 8; left--)
        {
            // Mostly behind the header, which is not interesting to break.
            var at = random.Next(random.Next(50) == 0 ? 0 : 8, bytes.Count);
            switch (random.Next(7))
            {
                case 0:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 3:
                    bytes.InsertRange(at, [0xFF, 0xFF, 0xFF, 0xFF, 0x0F]);
                    break;
                case 4:
                    bytes[at] = 0xFF;
                    break;
                case 5:
                    bytes.RemoveAt(at);
                    break;
                default:
                    var from = random.Next(bytes.Count);
                    bytes.InsertRange(at, bytes.GetRange(from, Math.Min(random.Next(40), bytes.Count - from)));
                    break;
            }
        }

        return [.. bytes];
    }

    /// <summary>One byte behind the header replaced: most such modules still decode, and many are valid.</summary>
    public static byte[] ReplaceOne(byte[] seed, Random random)
    {
        var bytes = (byte[])seed.Clone();
        bytes[random.Next(8, bytes.Length)] = random.Next(3) switch
        {
            0 => (byte)random.Next(256),
            1 => (byte)random.Next(0x80),
            _ => seed[random.Next(8, seed.Length)],
        };
        return bytes;
    }
}
