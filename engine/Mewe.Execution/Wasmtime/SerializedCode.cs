using System.Buffers.Binary;
using System.Buffers.Text;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Mewe.Execution.Wasmtime;

/// <summary>
/// The machine code of a module's functions, from the ELF file that a compiled module is serialized as. Only for x64.
/// </summary>
/// <remarks>
/// <para><c>.symtab</c> names every function's code in <c>.text</c> as <c>wasm[0]::function[INDEX]::NAME</c>, with offset and size; a function's jump tables and constants lie within. What depends on the place are
/// calls and jumps to other code: <c>E8</c> or <c>E9</c> with the distance to the target. Cranelift has resolved them already, and says nowhere where they stand. But a target is always the very beginning of
/// something that has a symbol: so each such byte is looked at whose distance leads to a beginning outside of the function, and that distance is replaced by the number of what is called. Calls of imports, of the
/// library, and through tables go through pointers and do not depend on the place.</para>
/// <para>That no call is missed follows from the encoding. A constant that looks like a call by chance (one in 2^32 bytes and symbols) is replaced by something else than another constant would be, or by the same
/// where both lead to the same symbol, which takes two such accidents at the same place of two functions.</para>
/// </remarks>
internal static class SerializedCode
{
    private const byte Call = 0xe8, Jump = 0xe9;
    private const int DistanceBytes = sizeof(int);

    private static ReadOnlySpan<byte> FunctionPrefix => "wasm[0]::function["u8;

    /// <summary>What the compiler made of each function.</summary>
    /// <param name="file">The serialized module.</param>
    /// <param name="imported">How many functions the module imports.</param>
    /// <param name="defined">How many it defines.</param>
    /// <param name="problem">Why the file cannot be used; null when it can.</param>
    public static ImmutableArray<FunctionMachineCode> Read(ReadOnlySpan<byte> file, int imported, int defined, out string? problem)
    {
        problem = null;
        if (!ElfFile.TryRead(file, out var elf) || !elf.TrySection(".text"u8, out var text) || !elf.TrySection(".symtab"u8, out var symbols) || !elf.TrySection(".strtab"u8, out var strings))
        {
            problem = "it has no code or no symbols";
            return [];
        }

        // Where things begin: the number of a function, or what its name hashes to for all else.
        var beginnings = new Dictionary<int, Target>();
        var places = new (int Offset, int Size)[defined];
        Array.Fill(places, (-1, 0));
        for (var i = 0; i < ElfFile.SymbolCount(symbols); i++)
        {
            var (offset, size) = ElfFile.Symbol(symbols, strings, i, out var name);
            if (name.IsEmpty || offset > (ulong)text.Length || size > (ulong)text.Length - offset)
            {
                continue;
            }

            if (TryIndex(name, out var index))
            {
                if ((uint)(index - imported) >= (uint)defined)
                {
                    problem = $"it has a function {index}, which the module does not define";
                    return [];
                }

                places[index - imported] = ((int)offset, (int)size);
                beginnings[(int)offset] = new Target(index, IsFunction: true);
            }
            else
            {
                beginnings.TryAdd((int)offset, new Target(BinaryPrimitives.ReadInt32LittleEndian(SHA256.HashData(name)), IsFunction: false));
            }
        }

        var functions = new FunctionMachineCode[defined];
        for (var i = 0; i < defined; i++)
        {
            if (places[i].Offset < 0)
            {
                problem = $"function {imported + i} is not in it";
                return [];
            }

            functions[i] = Describe(imported + i, text.Slice(places[i].Offset, places[i].Size), places[i].Offset, beginnings);
        }

        return ImmutableCollectionsMarshal.AsImmutableArray(functions);
    }

    private static FunctionMachineCode Describe(int function, ReadOnlySpan<byte> code, int start, Dictionary<int, Target> beginnings)
    {
        var placed = code.ToArray();
        List<(int At, int Callee)>? calls = null;
        for (var at = 0; at + DistanceBytes < code.Length; at++)
        {
            if (code[at] is not (Call or Jump))
            {
                continue;
            }

            var field = at + 1;
            var target = start + (long)field + DistanceBytes + BinaryPrimitives.ReadInt32LittleEndian(code[field..]);
            if (target is < 0 or > int.MaxValue || (target > start && target < start + code.Length) || !beginnings.TryGetValue((int)target, out var callee))
            {
                continue;
            }

            // A function that calls itself is no different from one that calls another: which one it is decides.
            if (callee.IsFunction)
            {
                (calls ??= []).Add((field, callee.Number));
                placed.AsSpan(field, DistanceBytes).Clear();
            }
            else
            {
                BinaryPrimitives.WriteInt32LittleEndian(placed.AsSpan(field), callee.Number);
            }

            at = field + DistanceBytes - 1;
        }

        var shape = Digest(placed);
        if (calls is null)
        {
            return new FunctionMachineCode(function, code.Length, shape, shape);
        }

        foreach (var (at, callee) in calls)
        {
            BinaryPrimitives.WriteInt32LittleEndian(placed.AsSpan(at), callee);
        }

        return new FunctionMachineCode(function, code.Length, Digest(placed), shape);
    }

    // Names of functions are the module's own; only what stands before them is read.
    private static bool TryIndex(ReadOnlySpan<byte> symbol, out int index)
    {
        index = 0;
        return symbol.StartsWith(FunctionPrefix) && Utf8Parser.TryParse(symbol[FunctionPrefix.Length..], out index, out var length)
            && symbol[(FunctionPrefix.Length + length)..].StartsWith("]"u8);
    }

    private static UInt128 Digest(ReadOnlySpan<byte> code)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(code, hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }

    private readonly record struct Target(int Number, bool IsFunction);
}
