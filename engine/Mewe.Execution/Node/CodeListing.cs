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
            // Stubs first: they are part of the shape, in which the callees of direct calls are zero.
            Span<byte> code = function.Code;
            foreach (var target in function.Targets)
            {
                BinaryPrimitives.WriteInt32LittleEndian(code[target.Offset..], target.IsStub ? Distance(target.Address) : 0);
            }

            var shape = Digest(code);
            var calls = false;
            foreach (var target in function.Targets.Where(target => !target.IsStub))
            {
                calls = true;
                BinaryPrimitives.WriteInt32LittleEndian(function.Code.AsSpan(target.Offset), Distance(target.Address));
            }

            yield return new FunctionMachineCode(function.Index, function.Code.Length, calls ? Digest(function.Code) : shape, shape);
        }

        int Distance(ulong address)
        {
            var next = Array.BinarySearch(starts, address);
            next = next < 0 ? ~next : next;
            return next < starts.Length ? (int)(starts[next] - address) : 0;
        }
    }

    private static UInt128 Digest(ReadOnlySpan<byte> code)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(code, hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }
}

/// <summary>One function's code.</summary>
/// <param name="Index">The function's index, imports included.</param>
/// <param name="Start">The address of its first instruction.</param>
/// <param name="Code">Its bytes; fields that depend on the place are zero or hold what <see cref="CodeListingReader"/> says.</param>
/// <param name="Targets">The calls to code outside of the function.</param>
internal sealed record ListedFunction(int Index, ulong Start, byte[] Code, List<CallTarget> Targets);

/// <summary>A direct call.</summary>
/// <param name="Offset">Where in the code its displacement stands.</param>
/// <param name="Address">What is called: an entry of the jump table.</param>
/// <param name="IsStub">It calls V8's own code and no function of the module.</param>
internal readonly record struct CallTarget(int Offset, ulong Address, bool IsStub);
