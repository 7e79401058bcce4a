using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Mewe.Wasm.Binary;

namespace Mewe.Wasm;

/// <summary>The code of a defined function, decoded: locals beyond the parameters, and the instructions with the final end.</summary>
public sealed class FunctionCode(ImmutableArray<LocalGroup> locals, ImmutableArray<Instruction> instructions)
{
    /// <summary>Runs of locals as in the binary format; parameters are not among them.</summary>
    public ImmutableArray<LocalGroup> Locals { get; } = locals;

    public ImmutableArray<Instruction> Instructions { get; } = instructions;

    /// <summary>Number of locals beyond the parameters.</summary>
    public int LocalCount { get; } = (int)locals.Sum(group => (long)group.Count);

    /// <summary>The type of every local beyond the parameters.</summary>
    public ImmutableArray<ValueType> LocalTypes()
    {
        var types = ImmutableArray.CreateBuilder<ValueType>(LocalCount);
        foreach (var group in Locals)
        {
            for (var i = 0u; i < group.Count; i++)
            {
                types.Add(group.Type);
            }
        }

        return types.MoveToImmutable();
    }

    /// <summary>Runs of equal types, as the binary format wants them.</summary>
    public static ImmutableArray<LocalGroup> Group(IEnumerable<ValueType> types)
    {
        var groups = ImmutableArray.CreateBuilder<LocalGroup>();
        foreach (var type in types)
        {
            if (groups.Count > 0 && groups[^1].Type == type)
            {
                groups[^1] = new LocalGroup(groups[^1].Count + 1, type);
            }
            else
            {
                groups.Add(new LocalGroup(1, type));
            }
        }

        return groups.ToImmutable();
    }
}

/// <summary>
/// An entry of the code section. One that was read keeps its bytes, is decoded only when asked, and is written back byte for byte; one that was made
/// from <see cref="FunctionCode"/> is encoded in the shortest form.
/// </summary>
public sealed class FunctionBody
{
    private readonly FunctionCode? made;
    private readonly long offset;

    /// <param name="content">Locals and expression, without the size.</param>
    /// <param name="entry">The same with the size in front, as it stood in the section.</param>
    /// <param name="offset">Offset in the module of <paramref name="content"/>.</param>
    internal FunctionBody(ReadOnlyMemory<byte> content, ReadOnlyMemory<byte> entry, long offset) => (Content, Entry, this.offset) = (content, entry, offset);

    public FunctionBody(FunctionCode code)
    {
        made = code;
        var encoder = new BinaryEncoder(code.Instructions.Length * 3);
        encoder.U32((uint)code.Locals.Length);
        foreach (var group in code.Locals)
        {
            encoder.U32(group.Count);
            encoder.ValueType(group.Type);
        }

        foreach (ref readonly var instruction in code.Instructions.AsSpan())
        {
            InstructionCodec.Write(encoder, instruction);
        }

        Content = encoder.ToArray();
        var entry = new BinaryEncoder(Content.Length + 5);
        entry.U32((uint)Content.Length);
        entry.Bytes(Content.Span);
        Entry = entry.ToArray();
    }

    /// <summary>A body from its bytes, for code that was edited in place: everything that was not edited keeps its encoding.</summary>
    /// <param name="content">Locals and expression, without the size.</param>
    public static FunctionBody FromContent(ReadOnlyMemory<byte> content)
    {
        var entry = new BinaryEncoder(content.Length + 5);
        entry.U32((uint)content.Length);
        entry.Bytes(content.Span);
        return new FunctionBody(content, entry.ToArray(), 0);
    }

    /// <summary>Locals and expression as they are written, without the size in front.</summary>
    public ReadOnlyMemory<byte> Content { get; }

    /// <summary>The whole entry of the code section, size included.</summary>
    public ReadOnlyMemory<byte> Entry { get; }

    /// <summary>Offset of <see cref="Content"/> in the module that was read; zero for a body that was made.</summary>
    public long Offset => offset;

    /// <summary>The decoded code; not cached, because most bodies are looked at once.</summary>
    /// <exception cref="WasmException">Malformed.</exception>
    public FunctionCode Decode()
    {
        if (made is not null)
        {
            return made;
        }

        var buffer = CodeBuffer.Rent();
        try
        {
            return new FunctionCode(Decode(buffer), buffer.ToInstructions());
        }
        finally
        {
            buffer.Return();
        }
    }

    /// <summary>As <see cref="Decode()"/>; also gives the offset in the module of each instruction.</summary>
    public FunctionCode Decode(out ImmutableArray<long> instructionOffsets)
    {
        var buffer = CodeBuffer.Rent();
        try
        {
            var locals = Decode(buffer);
            instructionOffsets = buffer.ToOffsets();
            return made ?? new FunctionCode(locals, buffer.ToInstructions());
        }
        finally
        {
            buffer.Return();
        }
    }

    private ImmutableArray<LocalGroup> Decode(CodeBuffer buffer)
    {
        var decoder = new BinaryDecoder(Content.Span, offset);
        var locals = DecodeLocals(ref decoder);
        var sink = new CodeBuffer.Sink(buffer);
        DecodeInstructions(ref decoder, ref sink, buffer.Openers);
        return locals;
    }

    /// <summary>A decoder at the start of the locals.</summary>
    internal BinaryDecoder Decoder() => new(Content.Span, offset);

    /// <summary>Reads the locals, the first part of a body.</summary>
    /// <exception cref="WasmException">Malformed, or too many locals.</exception>
    internal ImmutableArray<LocalGroup> DecodeLocals(ref BinaryDecoder decoder)
    {
        var groups = new LocalGroup[decoder.Count(Limits.MaxLocals, "local groups")];
        long total = 0;
        for (var i = 0; i < groups.Length; i++)
        {
            var at = decoder.Offset;
            var count = decoder.U32();
            total += count;
            if (total > uint.MaxValue)
            {
                throw new WasmException(WasmErrorKind.Malformed, at, "too many locals");
            }

            groups[i] = new LocalGroup(count, decoder.ValueType());
        }

        if (total > Limits.MaxLocals)
        {
            throw new WasmException(WasmErrorKind.LimitExceeded, offset, $"{total} locals, the limit is {Limits.MaxLocals}");
        }

        return ImmutableCollectionsMarshal.AsImmutableArray(groups);
    }

    /// <summary>Reads the instructions, the rest of a body, one by one.</summary>
    /// <exception cref="WasmException">Malformed, or what <paramref name="sink"/> throws.</exception>
    internal static void DecodeInstructions<TSink>(ref BinaryDecoder decoder, ref TSink sink, Stack<Opcode> openers)
        where TSink : struct, IInstructionSink
    {
        ExpressionReader.Read(ref decoder, ref sink, openers);
        if (!decoder.AtEnd)
        {
            throw decoder.Malformed("END opcode expected: bytes after the end of a function body");
        }
    }
}
