using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Mewe.Execution.Node;

/// <summary>The optimized code of a module's functions as V8 printed it.</summary>
/// <remarks>
/// What depends on where code lies is known exactly, from V8's own relocation information, and only that is replaced. Calls of functions and of V8's
/// stubs go through a jump table that lies before the first code in its code space; V8 does not print where, but the distance from the target to that first code is the same
/// for a callee everywhere in the module and in every run.
/// </remarks>
internal sealed class CodeListing
{
    private readonly List<ListedFunction> functions = [];

    /// <summary>Why the listing cannot be used; null when it can.</summary>
    public string? Problem { get; set; }

    public void Add(ListedFunction function) => functions.Add(function);

    /// <summary>What was printed, now that all addresses are known.</summary>
    public IEnumerable<FunctionMachineCode> Resolve()
    {
        var starts = functions.Select(function => function.Start).Order().ToArray();
        foreach (var function in functions)
        {
            foreach (var (offset, target) in function.Targets)
            {
                var next = Array.BinarySearch(starts, target);
                next = next < 0 ? ~next : next;
                var distance = next < starts.Length ? (long)(starts[next] - target) : 0;
                BinaryPrimitives.WriteInt32LittleEndian(function.Code.AsSpan(offset), (int)distance);
            }

            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            SHA256.HashData(function.Code, hash);
            yield return new FunctionMachineCode(function.Index, function.Code.Length, BinaryPrimitives.ReadUInt128LittleEndian(hash));
        }
    }
}

/// <summary>One function's code.</summary>
/// <param name="Index">The function's index, imports included.</param>
/// <param name="Start">The address of its first instruction.</param>
/// <param name="Code">Its bytes; fields that depend on the place are zero or hold what <see cref="CodeListingReader"/> says.</param>
/// <param name="Targets">Where in the code there are calls to code outside of the function, and the addresses called.</param>
internal sealed record ListedFunction(int Index, ulong Start, byte[] Code, List<(int Offset, ulong Target)> Targets);
