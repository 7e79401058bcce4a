namespace Mewe.Execution.Wasmtime;

/// <summary>How many memories a module defines, without reading the rest of it.</summary>
internal static class MemoryCount
{
    private const int MemorySection = 5;

    /// <summary>The number that the memory section gives; 0 where there is none, or none that can be read (the engine will reject that).</summary>
    public static long Of(ReadOnlySpan<byte> module)
    {
        for (var at = 8; at < module.Length;)
        {
            var id = module[at++];
            if (!TryRead(module, ref at, out var size))
            {
                return 0;
            }

            if (id == MemorySection)
            {
                return TryRead(module, ref at, out var count) ? count : 0;
            }

            at = (int)Math.Min(at + (long)size, module.Length);
        }

        return 0;
    }

    // LEB128, 32 bits.
    private static bool TryRead(ReadOnlySpan<byte> module, ref int at, out uint value)
    {
        value = 0;
        for (var shift = 0; shift < 35 && at < module.Length; shift += 7)
        {
            var next = module[at++];
            value |= (uint)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return true;
            }
        }

        return false;
    }
}
