/** Small drawings, 24 by 24. They say nothing by themselves: what has only an icon has a label too. */
const PATHS = {
  chat: 'M4 5h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1h-8l-5 4v-4H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z',
  support: 'M4 13v-1a8 8 0 0 1 16 0v1M4 13h3v6H5a1 1 0 0 1-1-1zM20 13h-3v6h2a1 1 0 0 0 1-1zM19 19c0 1.5-2 2.5-5 2.5',
  live: 'M3 12h4l3-8 4 16 3-8h4',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5',
  plus: 'M12 5v14M5 12h14',
  close: 'M6 6l12 12M18 6L6 18',
  back: 'M15 5l-7 7 7 7',
  down: 'M12 5v14M6 13l6 6 6-6',
  more: 'M5 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2zM12 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2zM19 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2z',
  send: 'M4 12l16-8-6 16-3-6z',
  smile: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9 10h.01M15 10h.01M8.5 14.500c1 1.4 2.2 2 3.5 2s2.5-.6 3.5-2',
  clip: 'M20 11l-8.5 8.500a5 5 0 0 1-7-7L13 4a3.3 3.3 0 0 1 4.7 4.700L9.3 17a1.7 1.7 0 0 1-2.4-2.400L14.5 7',
  reply: 'M10 6L4 12l6 6M4 12h9c4 0 7 2 7 7',
  edit: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4',
  trash: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5',
  check: 'M4 13l5 5L20 7',
  checks: 'M2 13l4.5 4.500L16 8M11 16l1.5 1.500L22 8',
  clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3 2',
  alert: 'M12 4L2.5 20h19zM12 10v4M12 17h.01',
  group: 'M9 5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM2.5 20c0-4 3-6 6.5-6s6.5 2 6.5 6M16 5.300a3.5 3.5 0 0 1 0 6.500M18 14.500c2.2.8 3.5 2.6 3.5 5.5',
  person: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20.500c0-4 3.3-6.5 7.5-6.500s7.5 2.5 7.5 6.5',
  invite: 'M10 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM2.5 20.500c0-4 3.3-6.5 7.5-6.5 1.5 0 2.9.3 4 .9M18 14v6M15 17h6',
  info: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5M12 8h.01',
  leave: 'M10 4H5v16h5M14 8l4 4-4 4M18 12H9',
  block: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM5.7 5.700l12.6 12.6',
  bot: 'M6 9h12a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-8a1 1 0 0 1 1-1zM12 9V5M12 4.500h.01M9 13.500h.01M15 13.500h.01M3 13v3M21 13v3',
  game: 'M8 8h8a5 5 0 0 1 5 6c-.5 3-1.3 4-2.5 4S16 15 14.5 15h-5C8 15 6.7 18 5.5 18S3.5 17 3 14a5 5 0 0 1 5-6zM8 10.500v3M6.5 12h3M15.5 11h.01M17.5 12.500h.01',
  stop: 'M7 7h10v10H7z',
  play: 'M8 5l11 7-11 7z',
  redo: 'M20 11a8 8 0 1 0-2.300 6.300M20 5v6h-6',
  file: 'M6 3h8l4 4v14H6zM14 3v4h4',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M4.9 4.900l1.4 1.400M17.7 17.700l1.4 1.400M2 12h2M20 12h2M4.9 19.100l1.4-1.400M17.7 6.300l1.4-1.4',
  note: 'M5 4h14v10l-6 6H5zM13 20v-6h6M8 8h8M8 11h5',
  star: 'M12 3.500l2.6 5.5 6 .8-4.4 4.2 1.1 6-5.3-2.900L6.7 20l1.1-6L3.4 9.800l6-.8z',
  tag: 'M4 4h8l8 8-8 8-8-8zM8 8h.01',
  transfer: 'M4 8h14M14 4l4 4-4 4M20 16H6M10 12l-4 4 4 4',
  tone: 'M4 4.500h16v12h-9l-5 4v-4H4zM7.5 10.500c1.5-1.5 3-1.5 4.5 0s3 1.5 4.5 0',
  copy: 'M8 8h11v12H8zM5 16V4h11',
} as const

export type IconName = keyof typeof PATHS

export function Icon(props: { name: IconName; size?: number }) {
  return (
    <svg width={props.size ?? 20} height={props.size ?? 20} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={PATHS[props.name]} />
    </svg>
  )
}
